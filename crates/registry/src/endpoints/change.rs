//! A change of an endpoint, and what has to be waited for before it is acknowledged.

use model::endpoint::Endpoint;
use model::id::GroupId;

/// Follow-ups that must be acknowledged before the change is: (target, number).
pub(crate) type Waits = Vec<(GroupId, u64)>;

/// A change of an endpoint.
#[derive(Debug)]
pub(crate) struct Change {
    /// The endpoint as it is stored.
    pub old: Option<Endpoint>,
    /// The endpoint as it is to be.
    pub new: Endpoint,
    /// Whether the caller said that the endpoint is to get no messages: this is carried again even if it was known,
    /// because its acknowledgement promises that nobody sends.
    pub insist: bool,
}
