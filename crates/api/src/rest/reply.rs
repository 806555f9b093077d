//! Answers before they become HTTP: a status, a document, and what admission makes headers of.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use model::id::RequestId;
use serde::Serialize;

/// What browsers may read of an answer.
const EXPOSED: &str = "x-amzn-RequestId,x-amzn-ErrorType,Date,Retry-After";

/// What documents are, but for the errors of other services' callers.
pub(super) const JSON: &str = "application/json";

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// The document; empty for none.
    pub(super) body: Bytes,
    pub(super) content_type: &'static str,
    /// The name of the error, if it is one.
    pub(super) error: Option<&'static str>,
    /// When repeating makes sense, in seconds.
    pub(super) retry_after: Option<u64>,
}

impl Reply {
    /// Builds an answer of a document. Pinpoint's answers hold the payload itself, without its wrapper.
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
        let body = serde_json::to_vec(body).expect("the listener's own documents have text keys and finite numbers");
        Reply { status, body: Bytes::from(body), content_type: JSON, error: None, retry_after: None }
    }

    /// Makes HTTP of it. hyper adds `Date`.
    pub(super) fn into_response(self, request: RequestId) -> Response<axum::body::Body> {
        let mut response = Response::new(axum::body::Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if let Ok(id) = HeaderValue::try_from(request_id_text(request)) {
            headers.insert("x-amzn-requestid", id);
        }
        if let Some(name) = self.error {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(name));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Writes a request id in the form of a UUID, as Pinpoint's clients expect.
pub(super) fn request_id_text(request: RequestId) -> String {
    request.uuid()
}
