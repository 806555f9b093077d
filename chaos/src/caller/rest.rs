//! Calls by REST, as Pinpoint's clients make them.

use reqwest::Method;
use serde_json::{Value, json};

use super::signed::RestAnswer;
use super::{ADDRESS, Caller, TEXT, VALUE};
use crate::history::{Answer, Api, Class, Op};

/// How long an SMS is worth sending whose sender doesn't say.
const TIME_TO_LIVE_MS: u64 = 24 * 3_600_000;

const NOT_FOUND: u16 = 404;
/// By which a listener says that it did nothing, as nobody leads: whoever gets it repeats the call.
const UNAVAILABLE: u16 = 503;

impl Caller {
    /// Sends one SMS; of the app's class, and worth sending as long as its channel says.
    pub async fn send_by_rest(&self, address: String) {
        let recipients = json!({ "Addresses": { address.clone(): { "ChannelType": "SMS" } } });
        self.send_to(recipients, "Result", address).await;
    }

    /// Sends one SMS to an endpoint, which is at an address.
    pub async fn send_to_endpoint(&self, endpoint: &str, address: String) {
        self.send_to(json!({ "Endpoints": { endpoint: {} } }), "EndpointResult", address).await;
    }

    /// Makes an endpoint at an address, without taking that down; says whether it was acknowledged.
    pub async fn make_endpoint(&self, endpoint: &str, address: &str) -> bool {
        let document = json!({ "ChannelType": "SMS", "Address": address });
        let answer = self.rest.ask(Method::PUT, &self.endpoint_path(endpoint), &document).await;
        answer.is_ok_and(|answer| is_done(&answer))
    }

    /// Opts an endpoint out of everything; nobody else gets messages at its address.
    pub async fn opt_endpoint_out(&self, endpoint: &str, address: String) {
        self.update(endpoint, json!({ "OptOut": "ALL" }), Op::OptOut { address }).await;
    }

    /// Writes a register.
    pub async fn write_by_rest(&self, register: String, value: u64) {
        let document = json!({
            "ChannelType": "SMS", "Address": ADDRESS, "Attributes": { VALUE: [value.to_string()] }
        });
        self.update(&register.clone(), document, Op::Write { register, value }).await;
    }

    /// Writes a shared register.
    pub async fn write_shared_by_rest(&self, register: String, value: u64) {
        let document = json!({ "Attributes": { VALUE: [value.to_string()] } });
        self.update(&register.clone(), document, Op::WriteShared { register, value }).await;
    }

    /// Reads a register as this listener has it.
    pub async fn read_by_rest(&self, register: String) {
        let path = self.endpoint_path(&register);
        let call = self.asked(Method::GET, path, Value::Null, read);
        self.take_down(Api::Rest, Op::Read { register }, call).await;
    }

    async fn send_to(&self, mut request: Value, results: &'static str, address: String) {
        request["MessageConfiguration"] = json!({ "SMSMessage": { "Body": TEXT, "MessageType": "TRANSACTIONAL" } });
        let path = format!("/v1/apps/{}/messages", self.app);
        let call = self.asked(Method::POST, path, request, |answer| sent(answer, results));
        let op = Op::Send { address, class: Class::AtLeastOnce, time_to_live_ms: TIME_TO_LIVE_MS };
        self.take_down(Api::Rest, op, call).await;
    }

    async fn update(&self, endpoint: &str, document: Value, op: Op) {
        let call = self.asked(Method::PUT, self.endpoint_path(endpoint), document, |answer| {
            if is_done(answer) { Answer::Done } else { failed(answer) }
        });
        self.take_down(Api::Rest, op, call).await;
    }

    async fn asked(
        &self,
        method: Method,
        path: String,
        body: Value,
        read: impl FnOnce(&RestAnswer) -> Answer,
    ) -> Answer {
        match self.rest.ask(method, &path, &body).await {
            Ok(answer) => read(&answer),
            Err(error) => Answer::Unknown { why: format!("{error:#}") },
        }
    }

    fn endpoint_path(&self, endpoint: &str) -> String {
        format!("/v1/apps/{}/endpoints/{endpoint}", self.app)
    }
}

fn is_done(answer: &RestAnswer) -> bool {
    (200..300).contains(&answer.status)
}

fn read(answer: &RestAnswer) -> Answer {
    match answer.status {
        200 => {
            let value = answer.body["Attributes"][VALUE][0].as_str();
            Answer::Value { value: value.and_then(|value| value.parse().ok()) }
        }
        NOT_FOUND if answer.error.is_some() => Answer::Value { value: None },
        _ => failed(answer),
    }
}

/// Reads what became of the only recipient.
fn sent(answer: &RestAnswer, results: &str) -> Answer {
    if !is_done(answer) {
        return failed(answer);
    }
    let result = answer.body[results].as_object().and_then(|results| results.values().next());
    let Some(result) = result else { return Answer::Unknown { why: "an answer without a result".to_owned() } };
    let text = |member: &str| result[member].as_str().unwrap_or_default().to_owned();
    let (status, why) = (text("DeliveryStatus"), text("StatusMessage"));
    match status.as_str() {
        "SUCCESSFUL" => Answer::Accepted { message: text("MessageId") },
        "OPT_OUT" => Answer::OptedOut,
        "PERMANENT_FAILURE" | "TEMPORARY_FAILURE" => Answer::Refused { why: format!("{status}: {why}") },
        _ => Answer::Unknown { why: format!("{status}: {why}") },
    }
}

/// Says what an error says of the call. Whatever isn't the listener's own, such as a gateway's 503, has no name.
fn failed(answer: &RestAnswer) -> Answer {
    let name = answer.error.as_deref().unwrap_or("no name");
    let message = answer.body["Message"].as_str().unwrap_or_default();
    let why = format!("{} {name}: {message}", answer.status);
    let nothing_done = (400..500).contains(&answer.status) || answer.status == UNAVAILABLE;
    if nothing_done && answer.error.is_some() { Answer::Refused { why } } else { Answer::Unknown { why } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, error: Option<&str>, body: Value) -> RestAnswer {
        RestAnswer { status, error: error.map(str::to_owned), body }
    }

    #[test]
    fn an_error_rules_an_effect_out_only_where_the_listener_itself_says_so() {
        for (status, error, refused) in [
            (400, Some("BadRequestException"), true),
            (429, Some("TooManyRequestsException"), true),
            (503, Some("ServiceUnavailableException"), true),
            (500, Some("InternalServerErrorException"), false),
            (503, None, false),
            (404, None, false),
            (302, None, false),
        ] {
            let answer = failed(&answer(status, error, json!({ "Message": "why" })));
            assert_eq!(matches!(answer, Answer::Refused { .. }), refused, "{answer:?}");
            assert_eq!(matches!(answer, Answer::Unknown { .. }), !refused, "{answer:?}");
        }
    }

    #[test]
    fn a_recipients_result_is_read() {
        let of = |status: &str| {
            let result = json!({ "DeliveryStatus": status, "MessageId": "m7", "StatusMessage": "why" });
            sent(&answer(200, None, json!({ "Result": { "+12065550100": result } })), "Result")
        };
        assert_eq!(of("SUCCESSFUL"), Answer::Accepted { message: "m7".to_owned() });
        assert_eq!(of("OPT_OUT"), Answer::OptedOut);
        assert_eq!(of("TEMPORARY_FAILURE"), Answer::Refused { why: "TEMPORARY_FAILURE: why".to_owned() });
        assert_eq!(of("UNKNOWN_FAILURE"), Answer::Unknown { why: "UNKNOWN_FAILURE: why".to_owned() });
        assert!(matches!(sent(&answer(200, None, json!({})), "Result"), Answer::Unknown { .. }));
    }

    #[test]
    fn an_endpoint_that_is_not_there_has_no_value() {
        let missing = answer(404, Some("NotFoundException"), json!({ "Message": "Resource not found" }));
        assert_eq!(read(&missing), Answer::Value { value: None });
        let written = answer(200, None, json!({ "Attributes": { "value": ["12"] } }));
        assert_eq!(read(&written), Answer::Value { value: Some(12) });
        assert_eq!(read(&answer(200, None, json!({ "Attributes": {} }))), Answer::Value { value: None });
    }
}
