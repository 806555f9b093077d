//! Three nodes in one process, joined by pipes, on stores in memory, under paused time. One binary, because linking the
//! store takes long.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may, as tests do")]

mod clocks;
mod fences;
mod lease_links;
mod leases;
mod leaving;
mod lost_answers;
mod membership;
mod old_copies;
mod overload;
mod partial;
mod purging;
mod remote_reads;
mod replaced;
mod slow;
mod strangers;
mod support;
mod three_nodes;
mod versions;
