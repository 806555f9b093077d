//! The program `signalbox`: a node of a cluster, a development cluster on this machine, and an operator's commands.
//!
//! Operators' commands speak gRPC to any region's listener and know nothing of a node's inside; only `serve` and
//! `check-config` name the crate `node`.

mod certs;
mod cli;
mod commands;
pub mod connection;
pub mod console;
mod context;
pub mod dev;
pub mod durations;
pub mod failure;
mod global;
mod run;
mod views;
mod words;

#[cfg(test)]
mod tests;

pub use cli::Cli;
pub use run::run;
