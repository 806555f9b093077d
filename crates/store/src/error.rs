//! What can go wrong on a node's own disk, and what its operator can do about it.

use std::path::PathBuf;
use std::time::Duration;

use model::id::GroupId;

/// What an operator does about a broken directory: nothing in it is the only copy, other regions have all of it.
pub const REMEDY: &str = "run `signalbox cluster rejoin` with this node's configuration: it takes the node's replicas \
                          out of the cluster, sets the data folder aside, and brings the node back from the other regions";

/// An error of a node's storage. It is `Clone`, because one failed sync answers everybody who waited for it.
///
/// The node that meets one must stop using the store: what was written last may be lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The disk is full. What was acknowledged is safe; the node can be started again once there is room.
    #[error("no space is left on the disk of {store}: make room and start the node again ({detail})")]
    Full {
        /// The directory.
        store: String,
        /// What the database said.
        detail: String,
    },
    /// The process or the machine has as many files open as it may; the disk is well.
    #[error(
        "too many files are open to use {store}: raise the limit of open files (ulimit -n, LimitNOFILE in the unit) \
         and start the node again ({detail})"
    )]
    TooManyFiles {
        /// The directory.
        store: String,
        /// What the database said.
        detail: String,
    },
    /// Stored bytes are not what was written.
    #[error("{store} is corrupt: {REMEDY} ({detail})")]
    Corrupt {
        /// The directory.
        store: String,
        /// What the database said; it names the file where it is known.
        detail: String,
    },
    /// The disk or the file system failed.
    #[error("the disk of {store} failed: check the disk and its permissions, then start the node again ({detail})")]
    Io {
        /// The directory.
        store: String,
        /// What the database said.
        detail: String,
    },
    /// The store was asked for something that it can't do: a fault of this program.
    #[error("{store} refused an operation: report this as a bug ({detail})")]
    Refused {
        /// The directory.
        store: String,
        /// What was wrong with it.
        detail: String,
    },
}

/// An error of opening a node's storage, or of a group's state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub enum StoreError {
    /// The storage itself failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The log lacks rounds of syncing that other nodes rest on.
    #[error(
        "the end of the log is gone: round {noted} was synced, the log ends with round {found}; other nodes rest on what \
         is lost: {REMEDY}"
    )]
    LostTail {
        /// The last round that was synced.
        noted: u64,
        /// The last round that is there.
        found: u64,
    },
    /// The log and the state of a group contradict each other.
    #[error("the log and the state of group {group} contradict each other ({detail}): {REMEDY}")]
    Contradiction {
        group: GroupId,
        /// What doesn't fit.
        detail: String,
    },
    /// Another process, or an earlier node of this one, still has the directory open.
    #[error("{} is in use by another process: stop it first (waited {waited:?})", directory.display())]
    Locked {
        directory: PathBuf,
        /// How long the lock was waited for.
        waited: Duration,
    },
    /// The directory can't be made.
    #[error("failed to create {}: {detail}", directory.display())]
    Directory {
        directory: PathBuf,
        /// What the operating system said.
        detail: String,
    },
    /// A row that the store keeps about a group is malformed.
    #[error("the {what} of group {group} is malformed: {REMEDY}")]
    Malformed {
        group: GroupId,
        /// Which row.
        what: &'static str,
    },
    /// A group's state changed between the beginning and the commit of a write: two writers, a fault of this program.
    #[error("the state of group {group} was changed by another writer")]
    Overtaken { group: GroupId },
    /// The rows of a snapshot didn't arrive in ascending order of their keys, or one of them is no row of a table.
    #[error("a snapshot of group {group} holds a row out of order")]
    SnapshotOrder { group: GroupId },
}
