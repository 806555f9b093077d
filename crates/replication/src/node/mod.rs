//! A node's replication as a whole: what its rooms share, its start, its housekeeping, its handle, its end.

pub(crate) mod background;
pub(crate) mod config;
pub(crate) mod effects;
pub(crate) mod fatal;
pub(crate) mod group;
mod joining;
mod opening;
pub(crate) mod purge;
pub(crate) mod replication;
pub(crate) mod shared;
pub(crate) mod start;
pub(crate) mod version;
