//! The rows of a group beside its records.

/// A single row that a group keeps beside its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MetaRow {
    Vote,
    Committed,
    Purged,
    /// Of the control group: the node's record of the cluster's time.
    Time,
}
