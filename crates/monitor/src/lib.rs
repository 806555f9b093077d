//! Floor 4: what a node learns of the others without asking a log. It owns the DNS resolver (discovery), keeps count of
//! what sending looks like (observations), and watches for lost regions.

mod discovery;
mod observations;
mod watch;

pub use discovery::{DiscoveryError, discover, parse_attributes};
pub use observations::SendCounters;
pub use watch::{Watch, WatchPorts};
