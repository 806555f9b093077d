//! Floor 4: what a node learns of the others without asking a log. It owns the DNS resolver (discovery), keeps count of
//! what sending looks like (observations), watches for lost regions, and takes a region out of the plan and back in
//! when its node restarts.

mod discovery;
mod observations;
mod restart;
mod watch;

pub use discovery::{DiscoveryError, discover, discover_at, parse_attributes};
pub use observations::SendCounters;
pub use restart::Restart;
pub use watch::{Watch, WatchPorts};
