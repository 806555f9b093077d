//! Floor 5: one node. Its configuration, the wiring of the edges through the ports, and its life from start to stop.
//! The only place where edges meet.

pub mod config;
pub mod observability;
pub mod world;

mod bridges;
mod doors;
mod identity;
mod leaving;
mod readiness;
mod sending;
mod serve;

pub use serve::serve;
