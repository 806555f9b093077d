//! Floor 5: one node. Its configuration, the wiring of the edges through the ports, and its life from start to stop.
//! The only place where edges meet.
//!
//! Rooms in reading order: [`config`] and `discovery` (what a node is told, and where it finds the others),
//! [`mod@assemble`] and [`ports`] (the one wiring, for `serve` and for the simulation) with `duties`, `effects`,
//! `first_plan` and `sending` (its pieces), [`running`] with [`readiness`], `restart`, `leaving` and [`panics`] (a
//! node's life), and [`serve()`] with `storage`, `identity`, `begun_file`, `listeners`, [`observability`] and [`world`] (the machine
//! that it runs on).

pub mod config;
mod discovery;

pub mod assemble;
pub mod ports;

mod duties;
mod effects;
mod first_plan;
mod sending;

pub mod readiness;
pub mod running;

mod leaving;
pub mod panics;
mod restart;

mod begun_file;
mod files;
mod identity;
mod listeners;
mod reload;
mod serve;
mod storage;
mod tls;

pub mod observability;
pub mod world;

pub use assemble::{HealthPolicy, NodeParts, NodeSettings, assemble};
pub use ports::NodePorts;
pub use readiness::NodeReadiness;
pub use reload::ReadConfig;
pub use replication::node_name;
pub use running::{Outdated, RunningNode};
pub use serve::{cluster_nodes, serve};
pub use tls::{InvalidCertificate, certificate_name};

/// Returns this program as it says it of itself to other nodes.
pub fn build() -> model::version::Build {
    model::version::Build::new(env!("CARGO_PKG_VERSION"), registry::VERSIONS)
}
