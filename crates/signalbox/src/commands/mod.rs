//! The commands, one a file: what each takes, what it asks, what it shows.

pub mod accounting;
pub mod app;
pub mod certs;
pub mod channel;
pub mod check_config;
pub mod cluster;
pub mod completions;
pub mod dev;
pub mod endpoint;
pub mod health;
pub mod held;
pub mod message;
pub mod opt_out;
pub mod rejoin;
pub mod send;
pub mod serve;
pub mod status;
pub mod traffic;

mod adoption;
mod arguments;
mod following;
