//! Floor 5: one node. Its configuration, the wiring of the edges through the ports, and its life from start to stop.
//! The only place where edges meet.

pub mod bridges;
pub mod config;
pub mod leaving;
pub mod observability;
pub mod readiness;
pub mod world;

mod identity;
mod listeners;
mod sending;
mod serve;

pub use serve::serve;
