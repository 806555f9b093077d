//! What one pass sees: the partition's rows and the present. And when the next pass has to begin.

use std::time::Duration;

use model::{BootTime, Timestamp};
use registry::tables::{Meta, RowAccess, TableError, View};
use tokio::time::Instant;

use crate::shared::Shared;

/// The longest sleep: further due times are looked at again then, so that a wall clock that was set right is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// The rows and the present, read once for a pass.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    /// The partition's rows.
    pub view: &'a dyn View,
    /// The later of this node's wall clock and the group's clock: a message that a leader with a faster clock called
    /// due need not wait for ours.
    pub wall: Timestamp,
    /// For pacing.
    pub boot_time: BootTime,
    /// For sleeping.
    pub instant: Instant,
}

/// When the next pass has to begin, if nothing happens before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wake(Option<Instant>);

impl<'a> Turn<'a> {
    /// Begins a pass.
    ///
    /// # Errors
    /// When the group's own row can't be read.
    pub fn new(shared: &Shared, view: &'a dyn View) -> Result<Turn<'a>, TableError> {
        let group_clock = view.row::<Meta>(&())?.unwrap_or_default().clock;
        let clock = &shared.ports.clock;
        let wall = clock.wall_time().max(group_clock);
        Ok(Turn { view, wall, boot_time: clock.boot_time(), instant: Instant::now() })
    }

    /// Returns when the wall clock will show a time.
    pub fn instant_of(&self, due: Timestamp) -> Instant {
        self.instant + due.since(self.wall).min(SLEEP_MAX)
    }

    /// Returns when the boot clock will show a time.
    pub fn instant_at(&self, at: BootTime) -> Instant {
        self.instant + at.since(self.boot_time).min(SLEEP_MAX)
    }
}

impl Wake {
    /// Only when something happens.
    pub fn never() -> Wake {
        Wake(None)
    }

    /// After a while.
    pub fn after(wait: Duration) -> Wake {
        Wake(Some(Instant::now() + wait))
    }

    /// At once: there is more to do than one pass does.
    pub fn now(&mut self) {
        self.at(Instant::now());
    }

    /// Not later than `instant`.
    pub fn at(&mut self, instant: Instant) {
        self.0 = Some(self.0.map_or(instant, |known| known.min(instant)));
    }

    /// Sleeps until then.
    pub async fn sleep(self) {
        match self.0 {
            Some(instant) => tokio::time::sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }
}
