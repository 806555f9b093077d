//! What became of a request to send.

use serde::Serialize;
use wire::v1;

use crate::console::{View, table};
use crate::words;

/// What became of each recipient.
#[derive(Debug, Serialize)]
pub struct SendView {
    request_id: String,
    results: Vec<ResultView>,
}

#[derive(Debug, Serialize)]
struct ResultView {
    status: String,
    message_id: Option<String>,
    address: String,
    detail: String,
}

impl From<v1::SendMessagesResponse> for SendView {
    fn from(response: v1::SendMessagesResponse) -> SendView {
        let result = |result: v1::SendResult| ResultView {
            status: words::send_status(result.status),
            message_id: Some(result.message_id).filter(|id| !id.is_empty()),
            address: result.address,
            detail: result.detail,
        };
        SendView { request_id: response.request_id, results: response.results.into_iter().map(result).collect() }
    }
}

impl SendView {
    /// Returns the ids of the messages that were accepted, in the order of the recipients.
    pub fn message_ids(&self) -> Vec<String> {
        self.results.iter().filter_map(|result| result.message_id.clone()).collect()
    }

    /// Returns how many recipients got no message.
    pub fn refused(&self) -> usize {
        self.results.iter().filter(|result| result.message_id.is_none()).count()
    }
}

impl View for SendView {
    fn text(&self) -> String {
        let row = |result: &ResultView| {
            [
                result.address.clone(),
                result.status.clone(),
                result.message_id.clone().unwrap_or_else(|| "-".to_owned()),
                result.detail.clone(),
            ]
        };
        table(["TO", "STATUS", "MESSAGE", "DETAIL"], self.results.iter().map(row))
    }
}
