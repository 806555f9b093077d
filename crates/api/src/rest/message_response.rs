//! Pinpoint's `MessageResponse`: a result for each recipient.

use std::collections::BTreeMap;

use model::id::RequestId;
use serde::Serialize;
use service::use_cases::{SendAnswer, SendOutcome};

use super::reply::request_id_text;

/// How a request named a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// By its address.
    Address(String),
    /// By its endpoint's id, as written.
    Endpoint(String),
}

/// The answer to SendMessages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MessageResponse {
    application_id: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    endpoint_result: BTreeMap<String, MessageResult>,
    request_id: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    result: BTreeMap<String, MessageResult>,
}

/// What became of one recipient. The address is given for endpoints alone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    delivery_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    status_code: u16,
    status_message: String,
}

/// Writes the answers to a request.
pub(super) fn message_response(
    app: &str,
    request: RequestId,
    answers: impl Iterator<Item = (Named, SendAnswer)>,
) -> MessageResponse {
    let mut response = MessageResponse {
        application_id: app.to_owned(),
        endpoint_result: BTreeMap::new(),
        request_id: request_id_text(request),
        result: BTreeMap::new(),
    };
    for (named, answer) in answers {
        let mut result = result(&answer.outcome);
        match named {
            Named::Address(address) => {
                response.result.insert(address, result);
            }
            Named::Endpoint(id) => {
                result.address = answer.address;
                response.endpoint_result.insert(id, result);
            }
        }
    }
    response
}

fn result(outcome: &SendOutcome) -> MessageResult {
    let (delivery_status, status_code) = match outcome {
        SendOutcome::Accepted(_) => ("SUCCESSFUL", 200),
        SendOutcome::OptedOut => ("OPT_OUT", 400),
        SendOutcome::Inactive
        | SendOutcome::EndpointNotFound
        | SendOutcome::ChannelDisabled(_)
        | SendOutcome::InvalidAddress(_)
        | SendOutcome::NoContent(_)
        | SendOutcome::Unsendable(_) => ("PERMANENT_FAILURE", 400),
        SendOutcome::Unavailable(_) => ("TEMPORARY_FAILURE", 503),
        SendOutcome::Unknown(_) => ("UNKNOWN_FAILURE", 500),
    };
    let message_id = match outcome {
        SendOutcome::Accepted(message) => Some(message.to_string()),
        _ => None,
    };
    MessageResult { address: None, delivery_status, message_id, status_code, status_message: status_message(outcome) }
}

/// Clients read the first and compare the second of these texts.
fn status_message(outcome: &SendOutcome) -> String {
    match outcome {
        SendOutcome::Accepted(message) => format!("MessageId: {message}"),
        SendOutcome::ChannelDisabled(channel) => {
            format!("No channel of type {channel} is enabled for the application ID")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use model::channel::Channel;
    use model::id::MessageId;

    use super::*;

    fn answer(outcome: SendOutcome) -> SendAnswer {
        SendAnswer { address: Some("a@example.com".into()), outcome }
    }

    #[test]
    fn each_recipient_is_answered_under_its_own_name() {
        let answers = [
            (Named::Address("a@example.com".into()), answer(SendOutcome::Accepted(MessageId(7)))),
            (Named::Endpoint("Dev".into()), answer(SendOutcome::OptedOut)),
        ];
        let response = message_response("0a", RequestId(1), answers.into_iter());
        let wanted = r#"{"ApplicationId":"0a","EndpointResult":{"Dev":{"Address":"a@example.com","DeliveryStatus":"OPT_OUT","StatusCode":400,"StatusMessage":"the recipient opted out"}},"RequestId":"00000000-0000-0000-0000-000000000001","Result":{"a@example.com":{"DeliveryStatus":"SUCCESSFUL","MessageId":"00000000000000000000000000000007","StatusCode":200,"StatusMessage":"MessageId: 00000000000000000000000000000007"}}}"#;
        assert_eq!(serde_json::to_string(&response).unwrap(), wanted);
    }

    #[test]
    fn outcomes_have_the_status_that_clients_act_on() {
        for (outcome, status, code) in [
            (SendOutcome::Inactive, "PERMANENT_FAILURE", 400),
            (SendOutcome::EndpointNotFound, "PERMANENT_FAILURE", 400),
            (SendOutcome::InvalidAddress("x".into()), "PERMANENT_FAILURE", 400),
            (SendOutcome::Unsendable("x".into()), "PERMANENT_FAILURE", 400),
            (SendOutcome::Unavailable("x".into()), "TEMPORARY_FAILURE", 503),
            (SendOutcome::Unknown("x".into()), "UNKNOWN_FAILURE", 500),
        ] {
            let result = result(&outcome);
            assert_eq!((result.delivery_status, result.status_code), (status, code));
        }
        let disabled = result(&SendOutcome::ChannelDisabled(Channel::Gcm)).status_message;
        assert_eq!(disabled, "No channel of type GCM is enabled for the application ID");
    }
}
