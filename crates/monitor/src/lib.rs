//! Floor 4: what a node concludes from what it sees of the others and of its own sending. It counts what sending looks
//! like (observations) and watches for lost regions.

mod observations;
mod watch;

pub use observations::SendCounters;
pub use watch::{Watch, WatchPorts};
