//! What nodes see of their sending, on its way to a verdict.
//!
//! A node counts what it sends and hears by channel, destination and app ([`Counter`]), closes a second after the other,
//! and tells the others. Every node gathers the seconds of all ([`Gather`]) and judges them ([`Watcher`]): each channel
//! has a [`Detector`](crate::health::Detector), names that share its bounded places ([`Slots`]), and what was learned to
//! be normal ([`Learned`]).
//!
//! In: results of dispatches and events of messages, dated by the control group's time. Out: findings, in names. All of
//! it is a state machine without a clock: equal seconds give equal findings, so that every node comes to the same ones.
//!
//! What must always hold: tables are bounded, and what has no place counts as *other*; a node that is late, lags,
//! restarts or is gone makes nothing look missing; nothing is learned from a region while it is suspected.

mod answer;
mod channel;
mod counter;
mod gather;
mod lag;
mod learned;
mod learned_delays;
mod second;
mod slots;
mod watcher;

pub use answer::{NotFollowed, answer};
pub use channel::{Finding, Subject};
pub use counter::{CELLS_MAX, Counter};
pub use gather::{Gather, GatheredSecond, Reporter, WAIT};
pub use lag::{Lag, ReplicaProgress};
pub use learned::Learned;
pub use second::{CellKey, CellSecond, NodeSecond, SendOutcome};
pub use slots::Slots;
pub use watcher::{ChannelView, PENDING_MAX, Wanted, Watcher};
