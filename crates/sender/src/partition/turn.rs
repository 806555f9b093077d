//! What one pass sees: the partition's rows and the present. And when the next pass has to begin.

use std::time::Duration;

use model::{BootTime, GroupId, Timestamp};
use registry::tables::{Meta, RowAccess, TableError, View};
use tokio::time::Instant;

use crate::shared::Shared;

/// The longest sleep: further due times are looked at again then, because the group's time may be corrected meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// The longest sleep until something is due while the group's time isn't known, as for a moment after a start.
const SLEEP_UNKNOWN_MAX: Duration = Duration::from_millis(100);

/// The rows and the present, read once for a pass.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    /// The partition's rows.
    pub view: &'a dyn View,
    /// The group's time. This node's wall clock plays no part in what is due.
    pub now: Timestamp,
    /// The longest sleep until something is due.
    sleep_max: Duration,
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
    pub fn new(shared: &Shared, group: GroupId, view: &'a dyn View) -> Result<Turn<'a>, TableError> {
        let stamped = view.row::<Meta>(&())?.unwrap_or_default().clock;
        let now = shared.time(group, stamped);
        let sleep_max = if shared.ports.time.now(group).is_some() { SLEEP_MAX } else { SLEEP_UNKNOWN_MAX };
        Ok(Turn { view, now, sleep_max, boot_time: shared.ports.clock.boot_time(), instant: Instant::now() })
    }

    /// Returns when the group's time will have come to `due`, by this node's own clock; earlier when that is far off.
    pub fn instant_of(&self, due: Timestamp) -> Instant {
        self.instant + due.since(self.now).min(self.sleep_max)
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
