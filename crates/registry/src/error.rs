//! Why an entry can't be applied. A refused command is no such reason: its answer is an outcome.

use crate::tables::TableError;

/// Says why an entry can't be applied. The node must stop, and what it wrote of the entry must not be kept: the answer
/// to the command is not known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The tables can't be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The group holds commands that this build doesn't know.
    #[error(
        "the group is at apply version {found}, this build applies up to {supported}: start a newer build on this node"
    )]
    UnsupportedVersion {
        /// The version that the group is at or is raised to.
        found: u32,
        /// [`APPLY_VERSION`](crate::APPLY_VERSION).
        supported: u32,
    },
}
