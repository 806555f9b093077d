//! Which groups have news for their leaders that should not wait for the next renewal of the lease.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use model::id::GroupId;
use tokio::sync::Notify;

/// The groups whose fence moved over something that forbids sending. Bounded by the number of groups.
#[derive(Default)]
pub(crate) struct Pushes {
    groups: Mutex<BTreeSet<GroupId>>,
    news: Notify,
}

impl Pushes {
    /// Asks for a report of a group now.
    pub(crate) fn push(&self, group: GroupId) {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).insert(group);
        self.news.notify_one();
    }

    /// Waits until a report is asked for, and takes all of them.
    pub(crate) async fn take(&self) -> BTreeSet<GroupId> {
        loop {
            let groups = std::mem::take(&mut *self.groups.lock().unwrap_or_else(PoisonError::into_inner));
            if !groups.is_empty() {
                return groups;
            }
            self.news.notified().await;
        }
    }
}
