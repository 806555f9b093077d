//! Floor 4: what a node concludes from what it sees of the others and of its own sending. It counts what sending looks
//! like (observations), watches for lost regions, and tells operators what they should know (lookout, alarm board).

mod alarm_board;
mod carry;
mod conditions;
mod lookout;
mod observations;
mod watch;

pub use alarm_board::AlarmBoard;
pub use carry::Carrier;
pub use lookout::{Lookout, LookoutPorts};
pub use observations::SendCounters;
pub use watch::{Watch, WatchPorts};
