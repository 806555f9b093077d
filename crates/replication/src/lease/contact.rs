//! Whether a group's leader can be reached from here, so that callers are told to try another listener rather than wait
//! for a line that is cut. Looked at once per round of lease calls, for everybody who waits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::id::NodeId;
use model::time::BootTime;
use tokio::sync::watch;

/// For how long a leader leads before a line to it that is cut counts: leadership that moves around a line may pass
/// through a node that isn't reached from here, and is gone from there after two looks and a transfer.
pub(crate) const LEADER_SETTLES: Duration = Duration::from_millis(1_000);

/// How this node and a group hear each other, as of the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contact {
    /// Calls go both ways between this node and the leader, or this node leads and hears a quorum; also of a group
    /// without a replica here, of which nothing is known.
    Close,
    /// The leader is heard, and calls between it and this node have not gone both ways for long.
    Halved,
    /// Neither a leader nor a quorum was heard for long.
    Silent,
}

/// What is known of it now.
pub(crate) struct ContactWatch {
    contact: watch::Sender<Contact>,
    /// Who leads, and since which look.
    leader: Mutex<Option<(NodeId, BootTime)>>,
}

impl ContactWatch {
    /// Of a group of which nothing was heard yet.
    pub(crate) fn new() -> ContactWatch {
        ContactWatch { contact: watch::Sender::new(Contact::Silent), leader: Mutex::new(None) }
    }

    /// Takes note of who leads, and returns for how long it has, as far as was looked at; nothing when nobody does.
    pub(crate) fn led_by(&self, leader: Option<NodeId>, now: BootTime) -> Option<(NodeId, Duration)> {
        let mut known = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        *known = leader.map(|leader| match *known {
            Some((same, since)) if same == leader => (leader, since),
            _ => (leader, now),
        });
        known.map(|(leader, since)| (leader, now.since(since)))
    }

    /// Takes note of what a look found.
    pub(crate) fn found(&self, contact: Contact) {
        self.contact.send_if_modified(|known| std::mem::replace(known, contact) != contact);
    }

    /// Says whether what is written here comes nowhere, or its outcome doesn't come back.
    pub(crate) fn is_lost(&self) -> bool {
        *self.contact.borrow() != Contact::Close
    }

    /// Ready when the leader is lost to this node.
    pub(crate) async fn lost(&self) {
        self.wait(|contact| contact != Contact::Close).await;
    }

    /// Ready when neither a leader nor a quorum is heard.
    pub(crate) async fn silent(&self) {
        self.wait(|contact| contact == Contact::Silent).await;
    }

    async fn wait(&self, until: impl Fn(Contact) -> bool) {
        // The sender lives as long as this.
        let _ = self.contact.subscribe().wait_for(|contact| until(*contact)).await;
    }
}
