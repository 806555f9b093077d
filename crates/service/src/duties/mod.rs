//! What the leader of a group owes it, as state machines: carrying follow-ups and plans to other groups, taking over
//! messages, ending the claims of nodes that are gone, expiring and retiring.
//!
//! A duty looks at its group's state and the time and says what it wishes to propose; whoever drives it proposes that
//! and tells it the answer. It may be stopped and begun anew at any moment, also on another node: everything that it
//! does may be done twice.

mod follow_ups;
mod housekeeping;
mod orphans;
mod plan;
mod takeover;
mod version;

pub use follow_ups::FollowUpDuty;
pub use housekeeping::HousekeepingDuty;
pub use orphans::OrphansDuty;
pub use plan::PlanDuty;
pub use takeover::TakeoverDuty;
pub use version::VersionDuty;

use std::time::Duration;

use model::command::Command;
use model::id::GroupId;
use model::time::{BootTime, Timestamp};
use registry::tables::{TableError, View};

use crate::ports::{Applied, LogError};

/// How long a duty waits before it tries again what failed.
pub const DUTY_RETRY: Duration = Duration::from_millis(250);

/// The time, on the node's own clock and by the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The clock for waits.
    pub boot_time: BootTime,
    /// The group's time, as its entries are stamped with it.
    pub time: Timestamp,
}

/// Something that a duty wants proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What the duty calls it when the answer comes; no two wishes under way have the same.
    pub tag: u64,
    /// The group it goes to.
    pub group: GroupId,
    /// What to propose, in order.
    pub commands: Vec<Command>,
    /// When it counts as answered.
    pub acknowledgement: Acknowledgement,
}

/// When a proposal counts as answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// When it is applied.
    Applied,
    /// When every holder is fenced up to it.
    Fenced,
}

/// What a duty says when it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// What to propose now; a duty bounds how much it has under way.
    pub wishes: Vec<Wish>,
    /// When to ask again even if nothing was applied and no answer came.
    pub again: Option<Duration>,
}

/// A duty of the leader of one group.
pub trait Duty: Send {
    /// Returns the duty's name in logs and metrics.
    fn name(&self) -> &'static str;

    /// Looks at the group's state and says what to propose.
    ///
    /// # Errors
    /// When the state can't be read; the node must stop.
    fn step(&mut self, now: Now, view: &dyn View) -> Result<Step, TableError>;

    /// Takes the answer to a wish.
    fn answered(&mut self, now: Now, tag: u64, answer: &Result<Applied, LogError>);
}
