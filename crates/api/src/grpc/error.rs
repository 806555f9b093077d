//! Errors as gRPC statuses. The message names the field; the field and the time to wait are metadata, too.

use std::time::Duration;

use policy::Denied;
use service::ports::ClusterError;
use service::{ErrorCode, ServiceError};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use wire::InvalidField;

use super::metadata::{FIELD, KEY_ID, KEY_SECRET, RETRY_AFTER};

/// When a call that was refused for lack of room should be repeated, in milliseconds.
const EXHAUSTED_RETRY_MS: u64 = 1_000;

/// An error of the gRPC listener.
#[derive(Debug)]
pub(super) struct GrpcError(Box<Status>);

impl GrpcError {
    /// Builds an error about one field.
    pub(super) fn invalid(field: &str, message: &str) -> GrpcError {
        ServiceError::invalid(field, message).into()
    }

    /// Builds the error of a call without a key.
    pub(super) fn no_key() -> GrpcError {
        let text = format!("the metadata {KEY_ID} and {KEY_SECRET} are required");
        GrpcError(Box::new(Status::unauthenticated(text)))
    }

    /// Builds the error of a call with a key that isn't known, or another secret than the key's.
    pub(super) fn wrong_key() -> GrpcError {
        GrpcError(Box::new(Status::unauthenticated("the access key is not valid")))
    }

    /// Builds the error of a call that took too long.
    pub(super) fn too_late(limit: Duration) -> GrpcError {
        let text = format!("the call took longer than {} s; it may or may not have been carried out", limit.as_secs());
        ServiceError::new(ErrorCode::Unknown, text).into()
    }

    /// Builds the error of a key that makes more calls a second than it may.
    pub(super) fn too_fast(after: Duration) -> GrpcError {
        let text = "this key makes more calls a second than it may (limits.requests_per_second)";
        let milliseconds = u64::try_from(after.as_millis()).unwrap_or(u64::MAX).max(1);
        let error = ServiceError::new(ErrorCode::Overloaded, text);
        ServiceError { retry_after_ms: Some(milliseconds), ..error }.into()
    }

    /// Builds the error of a listener that is full.
    pub(super) fn exhausted(what: &str) -> GrpcError {
        let error = ServiceError::new(ErrorCode::Overloaded, format!("too many {what} are under way"));
        ServiceError { retry_after_ms: Some(EXHAUSTED_RETRY_MS), ..error }.into()
    }
}

/// The one mapping of the error vocabulary to gRPC's.
fn code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::Invalid | ErrorCode::TooLarge => Code::InvalidArgument,
        ErrorCode::Unauthenticated => Code::Unauthenticated,
        ErrorCode::Forbidden => Code::PermissionDenied,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::Conflict => Code::Aborted,
        ErrorCode::Precondition => Code::FailedPrecondition,
        ErrorCode::Unsupported => Code::Unimplemented,
        ErrorCode::Overloaded => Code::ResourceExhausted,
        ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::Unknown => Code::DeadlineExceeded,
        ErrorCode::Internal => Code::Internal,
    }
}

impl From<ServiceError> for GrpcError {
    fn from(error: ServiceError) -> GrpcError {
        let message = match &error.field {
            Some(field) => format!("{field}: {}", error.message),
            None => error.message,
        };
        let mut status = Status::new(code(error.code), message);
        let metadata = status.metadata_mut();
        if let Some(field) = error.field.and_then(|field| MetadataValue::try_from(field).ok()) {
            metadata.insert(FIELD, field);
        }
        if let Some(milliseconds) = error.retry_after_ms {
            metadata.insert(RETRY_AFTER, MetadataValue::from(milliseconds));
        }
        GrpcError(Box::new(status))
    }
}

impl From<InvalidField> for GrpcError {
    fn from(invalid: InvalidField) -> GrpcError {
        ServiceError::invalid(invalid.path, invalid.reason.to_string()).into()
    }
}

impl From<Denied> for GrpcError {
    fn from(denied: Denied) -> GrpcError {
        ServiceError::new(ErrorCode::Forbidden, denied.to_string()).into()
    }
}

impl From<ClusterError> for GrpcError {
    fn from(error: ClusterError) -> GrpcError {
        let code = match &error {
            ClusterError::UnknownNode(_) => ErrorCode::NotFound,
            ClusterError::Refused(_) | ClusterError::NoLeap => ErrorCode::Precondition,
            ClusterError::Group { .. } => ErrorCode::Unavailable,
            ClusterError::Log(log) => return ServiceError::from(log.clone()).into(),
        };
        ServiceError::new(code, error.to_string()).into()
    }
}

impl From<GrpcError> for Status {
    fn from(error: GrpcError) -> Status {
        if matches!(error.0.code(), Code::Internal) {
            tracing::warn!(error = error.0.message(), "call failed");
        }
        *error.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_and_the_time_to_wait_are_metadata() {
        let status = Status::from(GrpcError::invalid("recipients[3].address", "is required"));
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "recipients[3].address: is required"));
        assert_eq!(status.metadata().get(FIELD).unwrap(), "recipients[3].address");
        let status = Status::from(GrpcError::exhausted("calls"));
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.metadata().get(RETRY_AFTER).unwrap(), "1000");
    }

    #[test]
    fn a_field_that_no_header_can_hold_is_in_the_message_alone() {
        let status = Status::from(GrpcError::invalid("tags.Größe\n", "too long"));
        assert!(status.message().contains("Größe"));
        assert!(status.metadata().get(FIELD).is_none());
    }

    #[test]
    fn unknown_nodes_are_not_found() {
        let status = Status::from(GrpcError::from(ClusterError::UnknownNode(model::NodeId(7))));
        assert_eq!(status.code(), Code::NotFound);
    }
}
