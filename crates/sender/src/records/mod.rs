//! Event records for a listener that wants to see what happens: what the sandbox shows under `/events`.
//!
//! A region's node posts the events of the messages that its region sends, as its replicas apply them. This is a view
//! for development: records that can't be posted are dropped and counted, and a node that stops forgets those under
//! way. The events themselves are in the log and lose nothing.

mod record;
mod sink;

pub use sink::{RecordFeed, RecordSink, RecordsConfig};
