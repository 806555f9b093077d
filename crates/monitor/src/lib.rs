//! Floor 4: what a node concludes from what it sees of the others and of its own sending. It counts what sending looks
//! like (observations), watches for lost regions (watch), lets them come back (failback), watches for such as send badly
//! (health), and tells operators what they should know (lookout, alarm board). It also reads traces of such counts, to
//! say what the detector would have done (trace).

mod alarm_board;
mod carry;
mod commit;
mod conditions;
mod failback;
mod health;
mod lookout;
mod observations;
mod trace;
mod watch;

pub use alarm_board::AlarmBoard;
pub use carry::Carrier;
pub use failback::{Failback, FailbackPorts};
pub use health::{HealthBoard, HealthMode, HealthPorts, HealthRules, HealthWatch};
pub use lookout::{Lookout, LookoutPorts};
pub use observations::SendCounters;
pub use trace::{Replay, ReplayedDecision, TraceError, TraceHeader};
pub use watch::{Watch, WatchPorts};
