//! Three nodes in one process, over loopback, on stores in memory. One binary, because linking the store takes long.

mod leases;
mod membership;
mod overload;
mod support;
mod three_nodes;
