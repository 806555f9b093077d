//! The world of a run: network namespaces with long lines between them, the processes in them, and what can be done to
//! both. Judges nothing.

mod capability;
mod clock;
mod cluster;
mod disk;
mod folder;
mod network;
mod node;
mod relay;
mod tun;

pub use capability::missing;
pub use clock::ClockLibrary;
pub use cluster::{Cluster, ClusterOptions};
pub use disk::disk_refused;
pub use network::Network;
pub use relay::Relay;
