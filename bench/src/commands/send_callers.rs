//! The clients of `signalbox-bench send`: SMS through REST as an AWS SDK sends them, or through gRPC.

use bytes::Bytes;
use signalbox::connection::Signed;
use wire::v1;
use wire::v1::messages_client::MessagesClient;

use crate::cluster::RestClient;
use crate::measure::{Caller, Done};

/// How many different telephone numbers are used: each gets a message before one gets a second.
const NUMBERS: u64 = 10_000_000;

/// What each message says: about what a notice is.
const TEXT: &str = "Your parcel arrives today between 14:00 and 16:00. Follow it: https://example.com/t/8h3kq0";

/// What a recipient's result holds when its message was accepted.
const ACCEPTED: &str = "\"SUCCESSFUL\"";

/// Returns the telephone number with this number.
pub fn telephone(number: u64) -> String {
    format!("+1206{:07}", number % NUMBERS)
}

/// A client that speaks REST.
pub struct RestSender {
    /// Its connection.
    pub client: RestClient,
    /// The path that messages are posted to.
    pub target: String,
    /// Recipients of a request, 1 to 100.
    pub recipients: u64,
}

/// A client that speaks gRPC.
pub struct GrpcSender {
    /// Its connection.
    pub messages: MessagesClient<Signed>,
    /// The app's id.
    pub app: String,
    /// Recipients of a request, 1 to 100.
    pub recipients: u64,
}

/// Writes Pinpoint's MessageRequest for SMS to these numbers.
pub fn sms_request(telephones: impl Iterator<Item = String>) -> Bytes {
    let mut body = String::from("{\"Addresses\":{");
    for (place, telephone) in telephones.enumerate() {
        if place > 0 {
            body.push(',');
        }
        body.push_str(&format!("\"{telephone}\":{{\"ChannelType\":\"SMS\"}}"));
    }
    body.push_str("},\"MessageConfiguration\":{\"SMSMessage\":{\"MessageType\":\"TRANSACTIONAL\",\"Body\":\"");
    body.push_str(TEXT);
    body.push_str("\"}}}");
    Bytes::from(body)
}

impl Caller for RestSender {
    async fn call(&mut self, number: u64) -> Result<Done, String> {
        let first = number * self.recipients;
        let body = sms_request((first..first + self.recipients).map(telephone));
        let (status, answer) = self.client.post(&self.target, body).await?;
        let text = String::from_utf8_lossy(&answer);
        if !status.is_success() {
            return Err(format!("{status}: {text}"));
        }
        let units = text.matches(ACCEPTED).count() as u64;
        Ok(Done { units, refused: self.recipients - units })
    }
}

impl Caller for GrpcSender {
    async fn call(&mut self, number: u64) -> Result<Done, String> {
        let first = number * self.recipients;
        let recipient =
            |number| v1::Recipient { to: Some(v1::recipient::To::Address(telephone(number))), ..Default::default() };
        let sms =
            v1::SmsContent { text: TEXT.to_owned(), purpose: v1::Purpose::Transactional as i32, ..Default::default() };
        let request = v1::SendMessagesRequest {
            app_id: self.app.clone(),
            recipients: (first..first + self.recipients).map(recipient).collect(),
            content: Some(v1::Content { content: Some(v1::content::Content::Sms(sms)) }),
            ..Default::default()
        };
        let answer = self.messages.send(request).await.map_err(|status| status.to_string())?.into_inner();
        let accepted = |result: &&v1::SendResult| result.status() == v1::SendStatus::Accepted;
        let units = answer.results.iter().filter(accepted).count() as u64;
        Ok(Done { units, refused: self.recipients - units })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_json_with_every_recipient() {
        let body = sms_request((0..3).map(telephone));
        let shown: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let addresses: Vec<&String> = shown["Addresses"].as_object().unwrap().keys().collect();
        assert_eq!(addresses, ["+12060000000", "+12060000001", "+12060000002"]);
        assert_eq!(shown["MessageConfiguration"]["SMSMessage"]["Body"], TEXT);
    }
}
