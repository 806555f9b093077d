//! The one error vocabulary. Listeners map [`ErrorCode`] to HTTP, gRPC and Pinpoint, and nothing else.

use model::outcome::Refusal;

use crate::ports::LogError;

/// What kind of error it is. The list that every listener maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// The request is malformed or breaks a rule; repeating it is useless.
    Invalid,
    /// The request is too large.
    TooLarge,
    /// The caller is unknown or its signature is wrong.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// The thing does not exist.
    NotFound,
    /// The thing changed meanwhile; read it again and decide anew.
    Conflict,
    /// A limit of the cluster's rules stands against it; an operator may override it by name.
    Precondition,
    /// The operation isn't offered.
    Unsupported,
    /// Too much at once; repeat it later.
    Overloaded,
    /// Nothing was done because no leader could be reached in time, or this node can't; repeat it, elsewhere.
    Unavailable,
    /// It may or may not have been done: repeat it with the same request id.
    Unknown,
    /// The node is at fault.
    Internal,
}

/// An error of a use case: what was wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub struct ServiceError {
    pub code: ErrorCode,
    /// What was wrong and what to do, for the caller; lower case, no full stop.
    pub message: String,
    /// The member of the request that was wrong, as the caller wrote it; none when no single one was.
    pub field: Option<String>,
    /// When repeating makes sense, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl ServiceError {
    /// Builds an error without a field.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> ServiceError {
        ServiceError { code, message: message.into(), field: None, retry_after_ms: None }
    }

    /// Builds an error about one member of the request.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> ServiceError {
        ServiceError {
            code: ErrorCode::Invalid,
            message: message.into(),
            field: Some(field.into()),
            retry_after_ms: None,
        }
    }
}

/// When to come back after a refusal because too many follow-ups wait: in about that time a failover is over.
const FOLLOW_UPS_RETRY_MS: u64 = 3_000;

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> ServiceError {
        let code = match &refusal {
            Refusal::AppNotFound | Refusal::ChannelNotFound | Refusal::EndpointNotFound | Refusal::OptOutNotFound => {
                ErrorCode::NotFound
            }
            Refusal::TooManyApps(_)
            | Refusal::ChannelDisabled
            | Refusal::EndpointLimit(_)
            | Refusal::ChannelTypeMissing
            | Refusal::AddressMissing
            | Refusal::AddressInvalid(_)
            | Refusal::RequestReused(_)
            | Refusal::PlanInvalid(_) => ErrorCode::Invalid,
            Refusal::PlanConflict { .. } => ErrorCode::Conflict,
            Refusal::NoPlan | Refusal::NoRegion | Refusal::BodyIncomplete => ErrorCode::Unavailable,
            Refusal::TooManyFollowUps { .. } => ErrorCode::Overloaded,
            Refusal::PieceInvalid(_)
            | Refusal::WrongGroup
            | Refusal::FollowUpGap { .. }
            | Refusal::IncarnationOutdated { .. } => ErrorCode::Internal,
        };
        let retry_after_ms = (code == ErrorCode::Overloaded).then_some(FOLLOW_UPS_RETRY_MS);
        let field = match refusal {
            Refusal::ChannelTypeMissing => Some("ChannelType".to_owned()),
            Refusal::AddressMissing | Refusal::AddressInvalid(_) => Some("Address".to_owned()),
            _ => None,
        };
        ServiceError { retry_after_ms, field, ..ServiceError::new(code, refusal.to_string()) }
    }
}

impl From<LogError> for ServiceError {
    /// Of what broke the caller learns no more than that another region can be asked: the detail names files.
    fn from(error: LogError) -> ServiceError {
        let (code, retry_after_ms) = match &error {
            LogError::NoLeader { .. } => (ErrorCode::Unavailable, Some(1_000)),
            LogError::Overloaded { retry_after } => {
                (ErrorCode::Overloaded, Some(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX)))
            }
            LogError::Unknown { .. } => (ErrorCode::Unknown, Some(1_000)),
            LogError::TooLarge { .. } => (ErrorCode::TooLarge, None),
            LogError::Invalid { .. } => (ErrorCode::Invalid, None),
            LogError::Stopping => (ErrorCode::Unavailable, Some(1_000)),
            LogError::Broken { .. } => (ErrorCode::Unavailable, None),
        };
        let message = match &error {
            LogError::Broken { group, node, .. } => {
                format!("the replica of group {group} on node {node} failed, nothing was done: ask another region")
            }
            other => other.to_string(),
        };
        ServiceError { code, message, field: None, retry_after_ms }
    }
}

impl From<registry::tables::TableError> for ServiceError {
    /// The caller learns nothing of the disk; the operator does, where the storage meets the error.
    fn from(_: registry::tables::TableError) -> ServiceError {
        ServiceError::new(ErrorCode::Unavailable, "this node's storage failed: ask another region")
    }
}

#[cfg(test)]
mod tests {
    use model::id::{GroupId, NodeId};

    use super::*;

    #[test]
    fn a_failed_replica_sends_callers_elsewhere_and_names_no_file() {
        let detail = "no space left on device: /var/lib/signalbox/log/000004.log".to_owned();
        let error = ServiceError::from(LogError::Broken { group: GroupId(4), node: NodeId(2), detail });
        assert_eq!(error.code, ErrorCode::Unavailable);
        assert_eq!(error.message, "the replica of group 4 on node 2 failed, nothing was done: ask another region");
    }
}
