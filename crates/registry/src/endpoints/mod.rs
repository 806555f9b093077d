//! Endpoints, in the partition of their app: every rule that spans several of them stays inside one group.

mod commands;

mod change;
mod write;

mod blocks;
mod former;
mod users;

mod limits;
mod merge;

pub(crate) use blocks::{place_of, reason_of};
pub(crate) use commands::{delete, upsert};
