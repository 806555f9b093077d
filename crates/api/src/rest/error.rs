//! Errors as Pinpoint's clients know them: a status, a name in `x-amzn-ErrorType`, a text.

use http::StatusCode;
use model::id::RequestId;
use model::outcome::Refusal;
use policy::Denied;
use serde::Serialize;
use service::{ErrorCode, ServiceError};

use super::reply::{Reply, request_id_text};

/// An error of the REST listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RestError {
    pub(super) status: StatusCode,
    /// The name that SDKs make an exception of.
    pub(super) name: &'static str,
    /// What was wrong and what to do.
    pub(super) message: String,
    /// When repeating makes sense, in seconds.
    pub(super) retry_after: Option<u64>,
}

#[derive(Serialize)]
struct ErrorBody<'e> {
    #[serde(rename = "Message")]
    message: &'e str,
    #[serde(rename = "RequestID")]
    request_id: String,
}

impl RestError {
    /// Builds an error that makes no sense to repeat.
    pub(super) fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> RestError {
        RestError { status, name, message: message.into(), retry_after: None }
    }

    /// Builds a 400 about one member of the request, or about all of it when `field` is empty.
    pub(super) fn bad_request(field: &str, message: impl AsRef<str>) -> RestError {
        let message = message.as_ref();
        let text = if field.is_empty() { sentence(message) } else { format!("{field}: {message}") };
        RestError::new(StatusCode::BAD_REQUEST, "BadRequestException", text)
    }

    /// Builds the 405 of an operation of Pinpoint that this server doesn't offer.
    pub(super) fn not_offered(operation: &str) -> RestError {
        RestError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowedException",
            format!("{operation} is an operation of Amazon Pinpoint that this server doesn't offer."),
        )
    }

    /// Builds the 413 of a body over the limit.
    pub(super) fn too_large(limit: usize) -> RestError {
        let text = format!("The body of the request is larger than {limit} bytes, the most allowed.");
        RestError::new(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException", text)
    }

    /// Builds the 429 of too much work under way.
    pub(super) fn too_many_requests(message: &str, retry_after: u64) -> RestError {
        RestError {
            retry_after: Some(retry_after),
            ..RestError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", message)
        }
    }

    /// Makes the answer.
    pub(super) fn into_reply(self, request: RequestId) -> Reply {
        let body = ErrorBody { message: &self.message, request_id: request_id_text(request) };
        let mut reply = Reply::json(self.status, &body);
        reply.error = Some(self.name);
        reply.retry_after = self.retry_after;
        reply
    }
}

impl From<ServiceError> for RestError {
    fn from(error: ServiceError) -> RestError {
        let (status, name) = shape(error.code);
        let message = match (&error.field, error.code) {
            (Some(field), _) => format!("{field}: {}", error.message),
            (None, ErrorCode::NotFound) => not_found_text(&error.message),
            (None, _) => sentence(&error.message),
        };
        let retry_after = error.retry_after_ms.map(|milliseconds| milliseconds.div_ceil(1_000).max(1));
        RestError { status, name, message, retry_after }
    }
}

impl From<Denied> for RestError {
    fn from(denied: Denied) -> RestError {
        RestError::new(StatusCode::FORBIDDEN, "ForbiddenException", sentence(&denied.to_string()))
    }
}

/// The one mapping of the error vocabulary to Pinpoint's. Where nothing was done and repeating is right, the status is
/// one that SDKs repeat by themselves.
fn shape(code: ErrorCode) -> (StatusCode, &'static str) {
    match code {
        ErrorCode::Invalid | ErrorCode::Precondition => (StatusCode::BAD_REQUEST, "BadRequestException"),
        ErrorCode::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException"),
        ErrorCode::Unauthenticated => (StatusCode::FORBIDDEN, "UnrecognizedClientException"),
        ErrorCode::Forbidden => (StatusCode::FORBIDDEN, "ForbiddenException"),
        ErrorCode::NotFound => (StatusCode::NOT_FOUND, "NotFoundException"),
        ErrorCode::Conflict => (StatusCode::CONFLICT, "ConflictException"),
        ErrorCode::Unsupported => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowedException"),
        ErrorCode::Overloaded => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        ErrorCode::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException"),
        ErrorCode::Unknown | ErrorCode::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerErrorException"),
    }
}

/// Clients compare these two texts with Pinpoint's.
fn not_found_text(message: &str) -> String {
    let app = message == Refusal::AppNotFound.to_string();
    if app { "Application not found" } else { "Resource not found" }.to_owned()
}

/// Begins a text with a capital letter, as Pinpoint's messages do.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_shape_that_sdks_read() {
        let reply = RestError::bad_request("Attributes.x", "too long").into_reply(RequestId(1));
        assert_eq!((reply.status, reply.error), (StatusCode::BAD_REQUEST, Some("BadRequestException")));
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        assert_eq!(text, r#"{"Message":"Attributes.x: too long","RequestID":"00000000-0000-0000-0000-000000000001"}"#);
    }

    #[test]
    fn missing_things_are_told_in_pinpoints_words() {
        let text = |refusal: Refusal| RestError::from(ServiceError::from(refusal)).message;
        assert_eq!(text(Refusal::AppNotFound), "Application not found");
        assert_eq!(text(Refusal::EndpointNotFound), "Resource not found");
        let limit = Refusal::EndpointLimit("Exceeded maximum endpoint per user count 15".into());
        assert!(text(limit).starts_with("Exceeded maximum endpoint per user count"));
    }

    #[test]
    fn overload_says_when_to_come_back() {
        let error = ServiceError { retry_after_ms: Some(1_200), ..ServiceError::new(ErrorCode::Overloaded, "x") };
        let error = RestError::from(error);
        assert_eq!((error.status.as_u16(), error.retry_after), (429, Some(2)));
    }
}
