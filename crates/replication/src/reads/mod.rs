//! Reads of a group's tables: from the replica here, else from a node that has one.

pub(crate) mod current;
pub(crate) mod read_port;
pub(crate) mod remote_reads;
