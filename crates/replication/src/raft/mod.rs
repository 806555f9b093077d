//! Raft as openraft runs it: its types, what is stored and sent in which bytes, its log, its state machine, its
//! network. What openraft asks for comes in; entries, states and messages go out. Nothing here knows of leases but that
//! applying and answered heartbeats tell them.

pub(crate) mod append_stream;
pub(crate) mod codec;
pub(crate) mod hashes;
pub(crate) mod network;
pub(crate) mod raft_log;
pub(crate) mod snapshot;
pub(crate) mod state_machine;
pub(crate) mod type_config;
