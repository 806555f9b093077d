//! Why bytes or messages are not what a node of this cluster sends or stores.

/// Bytes or messages that are not what a node of this cluster sends or stores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    /// A field that must be given isn't.
    #[error("{0} is required")]
    Missing(&'static str),
    /// A group's number is out of range.
    #[error("{0} is no group")]
    Group(u32),
    /// A stored record is too short or of an unknown kind.
    #[error("the log record is malformed: {0}")]
    Record(&'static str),
    /// A membership is malformed.
    #[error("the membership is malformed: {0}")]
    Membership(String),
}
