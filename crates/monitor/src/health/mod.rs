//! Whether sending is well, and what follows from it. Every node counts, tells, gathers and judges; the one that leads
//! the control group acts.
//!
//! In: the counts of this node's sender ([`SendCounters`](crate::SendCounters)) and of the others ([`CountExchange`]).
//! Out: findings in the log and on the [`HealthBoard`], and plans. At most one plan is under way at a time.
//!
//! [`CountExchange`]: service::ports::CountExchange

mod board;
mod rules;
mod watch;

pub use board::HealthBoard;
pub use rules::{HealthMode, HealthRules};
pub use watch::{HealthPorts, HealthWatch};
