//! The measurements of a development cluster, one a file: what each takes, how it loads the cluster, what it finds.

pub mod endpoints;
pub mod failover;
pub mod idle;
pub mod send;

mod failover_round;
mod send_callers;
