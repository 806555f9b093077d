//! The world of a run: network namespaces with long lines between them, the processes in them, and what can be done to
//! both. Judges nothing.

mod capability;
mod cluster;
mod disk;
mod faults;
mod folder;
mod network;
mod node;
mod provider;
mod relay;
mod shim;
mod tun;

pub use capability::missing;
pub use cluster::{Cluster, ClusterOptions};
pub use disk::disk_refused;
pub use network::Network;
pub use relay::Relay;
pub use shim::ShimLibrary;
