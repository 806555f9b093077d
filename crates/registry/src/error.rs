//! Why an entry can't be applied. A refused command is no such reason: its answer is an outcome.

use model::version::Versions;

use crate::tables::TableError;

/// Says why an entry can't be applied. The node must stop, and what it wrote of the entry must not be kept: the answer
/// to the command is not known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The tables can't be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The group holds what this build doesn't know.
    #[error("it is of apply version {found}, this build knows {known}: start {} build on this node", other(*found, *known))]
    UnsupportedVersion {
        /// The version that the group is at, that it is raised to, or that a command came with.
        found: u32,
        /// What this build knows.
        known: Versions,
    },
    /// The command is newer than the version that the group is at, so that an older build may still have to apply it.
    #[error("{command} is of apply version {needed}, the group is at {group}: raise its version first")]
    VersionNotReached {
        /// The command's name.
        command: &'static str,
        /// The version that brought it.
        needed: u32,
        /// The group's.
        group: u32,
    },
}

/// Which build is needed for a version that this one doesn't know.
fn other(found: u32, known: Versions) -> &'static str {
    if found > known.newest() { "a newer" } else { "an older" }
}
