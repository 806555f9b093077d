//! The other nodes: their addresses, the channels to them, and what is sent to all of them at a beat.

pub(crate) mod beat;
pub(crate) mod channels;
pub(crate) mod heartbeats;
pub(crate) mod introduction;
pub(crate) mod tcp;
pub(crate) mod transport;
