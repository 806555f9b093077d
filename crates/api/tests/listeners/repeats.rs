//! A request to send that comes again is answered as it was first, whatever changed in between.

use serde_json::{Value, json};

use crate::rest::Rest;

/// Requests of one app, each of which may come again.
struct Repeats {
    rest: Rest,
    app: String,
}

impl Repeats {
    async fn start() -> Repeats {
        let rest = Rest::start().await;
        let app = rest.app().await;
        Repeats { rest, app }
    }

    async fn change(&self, method: &str, path: &str, body: Value) {
        let answer = self.rest.call(method, &format!("{}/{path}", self.app), body).await;
        assert!(answer.status.is_success(), "{method} {path}: {:?}", answer.body);
    }

    async fn sms(&self, endpoint: &str, number: u32) {
        let body = json!({ "ChannelType": "SMS", "Address": format!("+1206555{number:04}") });
        self.change("PUT", &format!("endpoints/{endpoint}"), body).await;
    }

    /// Sends to recipients under an invocation's id; returns the results of addresses and of endpoints.
    async fn send(&self, invocation: &str, recipients: &Value) -> (Value, Value) {
        let mut body = json!({ "MessageConfiguration": { "SMSMessage": { "Body": "hi" } } });
        body.as_object_mut().unwrap().extend(recipients.as_object().unwrap().clone());
        let mut request = self.rest.signed("POST", &format!("{}/messages", self.app), &body.to_string());
        request.headers_mut().insert("amz-sdk-invocation-id", invocation.parse().unwrap());
        let answer = self.rest.answer(request).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        (answer.body["Result"].clone(), answer.body["EndpointResult"].clone())
    }
}

fn successful(result: &Value) -> bool {
    result["DeliveryStatus"] == "SUCCESSFUL"
}

/// What happens to an endpoint: an update for each body, a deletion for `null`.
type Change = (&'static str, Vec<Value>);

/// Changes of an endpoint at the n-th number.
fn changes(number: u32) -> [Change; 7] {
    let phone = |number: u32| format!("+1206555{number:04}");
    let email = json!({ "ChannelType": "EMAIL", "Address": format!("e{number}@example.com") });
    let moved = json!({ "Address": phone(100 + number) });
    let anew = json!({ "ChannelType": "SMS", "Address": phone(200 + number) });
    [
        ("moved", vec![moved.clone()]),
        ("moved and back", vec![moved.clone(), json!({ "Address": phone(number) })]),
        ("of another channel", vec![email]),
        ("deleted", vec![Value::Null]),
        ("moved, deleted and made again", vec![moved, Value::Null, anew]),
        ("opted out", vec![json!({ "OptOut": "ALL" })]),
        ("inactive", vec![json!({ "EndpointStatus": "INACTIVE" })]),
    ]
}

#[tokio::test]
async fn an_endpoint_that_changed_is_answered_as_before() {
    let repeats = Repeats::start().await;
    let to = json!({ "Endpoints": { "e": {} } });
    // Addresses lie in four partitions: each change is tried from and to several of them.
    for number in 0..12 {
        for (change, steps) in changes(number) {
            repeats.sms("e", number).await;
            repeats.change("PUT", "endpoints/e", json!({ "OptOut": "NONE" })).await;
            let invocation = format!("{number} {change}");
            let first = repeats.send(&invocation, &to).await;
            assert!(successful(&first.1["e"]), "{first:?}");
            for body in steps {
                let method = if body.is_null() { "DELETE" } else { "PUT" };
                repeats.change(method, "endpoints/e", body).await;
            }
            assert_eq!(repeats.send(&invocation, &to).await, first, "{number} {change}");
            assert_eq!(repeats.send(&invocation, &to).await, first, "{number} {change}, again");
        }
    }
}

#[tokio::test]
async fn a_channel_that_is_off_or_gone_makes_no_difference_to_what_was_accepted() {
    let repeats = Repeats::start().await;
    repeats.sms("e", 1).await;
    let to = json!({ "Addresses": { "+12065550002": { "ChannelType": "SMS" } }, "Endpoints": { "e": {} } });
    let first = repeats.send("i", &to).await;
    assert!(successful(&first.0["+12065550002"]) && successful(&first.1["e"]));
    repeats.change("PUT", "channels/sms", json!({ "Enabled": false })).await;
    assert_eq!(repeats.send("i", &to).await, first);
    repeats.change("DELETE", "channels/sms", Value::Null).await;
    assert_eq!(repeats.send("i", &to).await, first);
    let other = repeats.send("j", &to).await;
    assert_eq!(other.0["+12065550002"]["DeliveryStatus"], "PERMANENT_FAILURE");
    repeats.change("PUT", "channels/sms", json!({})).await;
    assert!(successful(&repeats.send("j", &to).await.0["+12065550002"]), "what was refused isn't kept");
}

/// How an address is spelled is how its caller names the recipient: what it means may be one number.
#[tokio::test]
async fn a_spelling_is_the_recipients_name() {
    let repeats = Repeats::start().await;
    let sms = || json!({ "ChannelType": "SMS" });
    let spelled = json!({ "Addresses": { "001 206 555 0002": sms(), "+1 (206) 555-0002": sms() } });
    let first = repeats.send("i", &spelled).await;
    let ids = ["001 206 555 0002", "+1 (206) 555-0002"].map(|spelling| first.0[spelling]["MessageId"].clone());
    assert!(ids[0] != ids[1] && ids.iter().all(Value::is_string), "{first:?}");
    assert_eq!(repeats.send("i", &spelled).await, first);
    repeats.change("PUT", "channels/sms", json!({ "Enabled": false })).await;
    assert_eq!(repeats.send("i", &spelled).await, first);
}

#[tokio::test]
async fn endpoints_that_are_gone_change_nobody_elses_answer() {
    let repeats = Repeats::start().await;
    let names: Vec<String> = (0..10).map(|number| format!("e{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        repeats.sms(name, number as u32).await;
    }
    let endpoints: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), json!({}))).collect();
    let to = json!({ "Endpoints": endpoints });
    let (_, first) = repeats.send("i", &to).await;
    for name in ["e0", "e3", "e4"] {
        repeats.change("DELETE", &format!("endpoints/{name}"), Value::Null).await;
    }
    assert_eq!(repeats.send("i", &to).await.1, first);
    let (_, other) = repeats.send("j", &to).await;
    assert_eq!(other["e3"]["DeliveryStatus"], "PERMANENT_FAILURE");
    assert!(successful(&other["e9"]) && other["e9"]["MessageId"] != first["e9"]["MessageId"]);
}

#[tokio::test]
async fn a_request_that_first_found_nobody_may_find_somebody() {
    let repeats = Repeats::start().await;
    let to = json!({ "Endpoints": { "e": {} } });
    assert_eq!(repeats.send("i", &to).await.1["e"]["DeliveryStatus"], "PERMANENT_FAILURE");
    repeats.sms("e", 1).await;
    assert!(successful(&repeats.send("i", &to).await.1["e"]));
}
