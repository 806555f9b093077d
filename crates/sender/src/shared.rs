//! What all partitions of a node's sender share: its ports, its configuration, its routes and its pace.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use model::{GroupId, Incarnation, Timestamp};
use registry::tables::TableError;
use service::ports::{Clock, GroupTime, Observations, Random, Reads, ReplicatedLog, SendPermits};

use crate::config::SenderConfig;
use crate::content_room::ContentRoom;
use crate::journal::{Journal, JournalError};
use crate::pacer::Pacer;
use crate::routes::Routes;

/// What the sender is given.
#[derive(Clone)]
pub struct Ports {
    /// Where results and claims are proposed.
    pub log: Arc<dyn ReplicatedLog>,
    /// The replicas of this node.
    pub reads: Arc<dyn Reads>,
    /// The right to begin dispatches.
    pub permits: Arc<dyn SendPermits>,
    /// Where it reports what it sees.
    pub observations: Arc<dyn Observations>,
    /// The groups' times: what messages wait by.
    pub time: Arc<dyn GroupTime>,
    /// The node's clocks; not its wall clock.
    pub clock: Arc<dyn Clock>,
    /// The node's randomness, for jitter.
    pub random: Arc<dyn Random>,
    /// Where begun dispatches of class `at_most_once` are noted.
    pub journal: Arc<Journal>,
}

/// Why a sender can't go on. The node must stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub enum SenderFault {
    /// The node's own state can't be trusted.
    #[error("send from group {group}")]
    Tables {
        group: GroupId,
        /// What is wrong with its tables.
        #[source]
        source: TableError,
    },
    /// It can't be noted what begins.
    #[error("keep the journal of begun dispatches")]
    Journal(#[from] JournalError),
    /// The cluster knows a later start of this node: it must begin again with a higher number.
    #[error("the cluster knows incarnation {known} of this node already")]
    Outdated {
        /// The latest one that it knows.
        known: Incarnation,
    },
    /// The task of a partition died.
    #[error("send: a partition's task died: {0}")]
    Died(String),
}

/// See the module's text.
pub(crate) struct Shared {
    pub config: SenderConfig,
    pub ports: Ports,
    pub routes: Routes,
    pub pacer: Pacer,
    /// The contents that are with drivers.
    pub contents: Arc<ContentRoom>,
    /// Messages begun and not settled, in all partitions.
    pub unsettled: AtomicUsize,
}

impl Shared {
    /// Returns a group's time now. It is never behind `stamped`, what its rows were stamped with last; while it isn't
    /// known it stands still there.
    pub fn time(&self, group: GroupId, stamped: Timestamp) -> Timestamp {
        self.ports.time.now(group).unwrap_or_default().max(stamped)
    }
}
