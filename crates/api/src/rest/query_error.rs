//! Errors for the SDKs of AWS's query services (SES of the first version, SNS and others), which post forms and read
//! XML. No such service is offered; its callers are to read which one that is, not that an answer is malformed.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{self, HeaderName};
use model::id::RequestId;

use super::error::RestError;
use super::reply::{Reply, request_id_text};
use super::signature::SERVICE;

const FORM: &str = "application/x-www-form-urlencoded";
const XML: &str = "text/xml";

/// Says whether a request is one of a query service: a form that is signed, and not for this one.
pub(super) fn is_query(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let signature = text(header::AUTHORIZATION);
    media_type.eq_ignore_ascii_case(FORM) && !signature.is_empty() && !signature.contains(&format!("/{SERVICE}/"))
}

/// Makes the answer of an error as such services write it.
pub(super) fn query_reply(error: RestError, request: RequestId) -> Reply {
    let (name, message, id) = (error.name, escaped(&error.message), request_id_text(request));
    let document = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{name}</Code><Message>{message}</Message></Error>\
         <RequestId>{id}</RequestId></ErrorResponse>"
    );
    Reply { body: Bytes::from(document), content_type: XML, ..error.into_reply(request) }
}

/// Writes a text for XML. What XML can't hold becomes a question mark.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn signed_forms_for_other_services_are_told_from_other_requests() {
        let asked = |content_type: &str, service: &str| {
            let signature = format!("AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu-west-1/{service}/aws4_request, ...");
            let headers = [(header::CONTENT_TYPE, content_type), (header::AUTHORIZATION, &signature)];
            is_query(&headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect())
        };
        assert!(asked("application/x-www-form-urlencoded; charset=utf-8", "sns"));
        assert!(asked("Application/X-WWW-Form-Urlencoded", "ses"));
        assert!(!asked("application/x-www-form-urlencoded", "mobiletargeting"));
        assert!(!asked("application/x-amz-json-1.0", "sms-voice"));
        let form = (header::CONTENT_TYPE, FORM.parse().unwrap());
        assert!(!is_query(&HeaderMap::from_iter([form])), "unsigned");
    }

    #[test]
    fn an_error_is_written_as_query_services_do() {
        let error = RestError::new(StatusCode::FORBIDDEN, "InvalidSignatureException", "a <b> & \u{1}c");
        let reply = query_reply(error, RequestId(1));
        let wanted = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidSignatureException</Code>\
                      <Message>a &lt;b&gt; &amp; ?c</Message></Error>\
                      <RequestId>00000000-0000-0000-0000-000000000001</RequestId></ErrorResponse>";
        assert_eq!((reply.status, reply.body.as_ref()), (StatusCode::FORBIDDEN, wanted.as_bytes()));
        assert_eq!((reply.content_type, reply.error), ("text/xml", Some("InvalidSignatureException")));
    }
}
