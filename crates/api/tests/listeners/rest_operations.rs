//! The operations of the REST listener, from signed HTTP to the registry and back.

use crate::rest::Rest;
use serde_json::{Value, json};

#[tokio::test]
async fn apps_are_made_read_and_deleted() {
    let rest = Rest::start().await;
    let made = rest.call("POST", "/v1/apps", json!({ "Name": "n", "tags": { "team": "alerts" } })).await;
    assert_eq!(made.status, 201);
    let id = made.body["Id"].as_str().unwrap().to_owned();
    assert_eq!(made.body["Arn"], format!("arn:aws:mobiletargeting:us-east-1:123456789012:apps/{id}"));
    assert_eq!((&made.body["Name"], &made.body["tags"]), (&json!("n"), &json!({ "team": "alerts" })));
    assert_eq!(made.body["CreationDate"], "2026-01-02T03:04:05.000Z");

    let path = format!("/v1/apps/{id}");
    assert_eq!(rest.call("GET", &path, Value::Null).await.body, made.body);
    let gone = rest.call("DELETE", &path, Value::Null).await;
    assert_eq!((gone.status.as_u16(), &gone.body["Id"]), (200, &json!(id)));
    let missing = rest.call("GET", &path, Value::Null).await;
    assert_eq!((missing.error(), missing.message()), ((404, "NotFoundException"), "Application not found"));
}

#[tokio::test]
async fn channels_are_configured_switched_off_and_deleted() {
    let rest = Rest::start().await;
    let path = format!("{}/channels/sms", rest.app().await);
    let on = rest.call("GET", &path, Value::Null).await;
    assert_eq!(
        (&on.body["Enabled"], &on.body["Platform"], &on.body["SenderId"]),
        (&json!(true), &json!("SMS"), &json!("KIT"))
    );
    let off = rest.call("PUT", &path, json!({ "Enabled": false })).await;
    assert_eq!((&off.body["Enabled"], &off.body["SenderId"]), (&json!(false), &Value::Null));
    let still_off = rest.call("PUT", &path, json!({ "ShortCode": "10000" })).await;
    assert_eq!((&still_off.body["Enabled"], &still_off.body["ShortCode"]), (&json!(false), &json!("10000")));
    assert!(off.body["Version"].as_u64() > on.body["Version"].as_u64());
    assert_eq!(rest.call("DELETE", &path, Value::Null).await.status, 200);
    assert_eq!(rest.call("GET", &path, Value::Null).await.error(), (404, "NotFoundException"));
}

#[tokio::test]
async fn endpoints_are_merged_and_read_back() {
    let rest = Rest::start().await;
    let path = format!("{}/endpoints/Dev%20A%2F1", rest.app().await);
    let put = rest
        .call(
            "PUT",
            &path,
            json!({ "ChannelType": "SMS", "Address": "+12065550100", "Attributes": { "a": ["1"], "b": ["2"] },
                    "User": { "UserId": "u", "UserAttributes": { "First": ["Ines"] } } }),
        )
        .await;
    assert_eq!((put.status.as_u16(), &put.body["Message"]), (202, &json!("Accepted")));
    assert_eq!(put.body["RequestID"], put.headers["x-amzn-requestid"].to_str().unwrap());
    rest.call("PUT", &path, json!({ "Attributes": { "a": ["3"] }, "Metrics": { "visits": 1 } })).await;
    let got = rest.call("GET", &path, Value::Null).await;
    assert_eq!(got.body["Id"], "Dev A/1");
    assert_eq!(got.body["Attributes"], json!({ "a": ["3"], "b": ["2"] }));
    assert_eq!(got.body["User"], json!({ "UserId": "u", "UserAttributes": { "First": ["Ines"] } }));
    assert_eq!((&got.body["EndpointStatus"], &got.body["OptOut"]), (&json!("ACTIVE"), &json!("NONE")));
    let gone = rest.call("DELETE", &path, Value::Null).await;
    assert_eq!((gone.status.as_u16(), &gone.body["Id"]), (202, &json!("Dev A/1")));
    assert_eq!(rest.call("GET", &path, Value::Null).await.message(), "Resource not found");
    let refused = rest.call("PUT", &path.replace("Dev", "$"), json!({})).await;
    assert_eq!(refused.error(), (400, "BadRequestException"));
}

#[tokio::test]
async fn each_recipient_has_a_result() {
    let rest = Rest::start().await;
    let app = rest.app().await;
    for (id, body) in [
        ("out", json!({ "ChannelType": "EMAIL", "Address": "out@example.com", "OptOut": "ALL" })),
        ("off", json!({ "ChannelType": "EMAIL", "Address": "off@example.com", "EndpointStatus": "INACTIVE" })),
        ("on", json!({ "ChannelType": "EMAIL", "Address": "on@example.com" })),
    ] {
        assert_eq!(rest.call("PUT", &format!("{app}/endpoints/{id}"), body).await.status, 202);
    }
    let sent = rest
        .call(
            "POST",
            &format!("{app}/messages"),
            json!({
                "Addresses": { "+12065550101": { "ChannelType": "SMS" }, "hello": { "ChannelType": "SMS" },
                               "tok": { "ChannelType": "GCM" } },
                "Endpoints": { "out": {}, "off": {}, "on": null, "ghost": {}, "$": {} },
                "MessageConfiguration": { "DefaultMessage": { "Body": "hi" }, "GCMMessage": { "Body": "hi" } },
            }),
        )
        .await;
    assert_eq!(sent.status, 200, "{:?}", sent.body);
    let status = |part: &str, name: &str| sent.body[part][name]["DeliveryStatus"].as_str().unwrap().to_owned();
    assert_eq!(status("Result", "+12065550101"), "SUCCESSFUL");
    assert_eq!(status("Result", "hello"), "PERMANENT_FAILURE");
    assert_eq!(status("EndpointResult", "out"), "OPT_OUT");
    assert_eq!(status("EndpointResult", "off"), "PERMANENT_FAILURE");
    assert_eq!(status("EndpointResult", "on"), "SUCCESSFUL");
    assert_eq!(status("EndpointResult", "ghost"), "PERMANENT_FAILURE");
    assert_eq!(status("EndpointResult", "$"), "PERMANENT_FAILURE");
    assert_eq!(sent.body["EndpointResult"]["on"]["Address"], "on@example.com");
    let disabled = "No channel of type GCM is enabled for the application ID";
    assert_eq!(sent.body["Result"]["tok"]["StatusMessage"], disabled);
    let id = sent.body["Result"]["+12065550101"]["MessageId"].as_str().unwrap().parse().unwrap();
    let report = rest.node.service.get_message(id).await.unwrap();
    assert_eq!(report.message.address.as_str(), "+12065550101");
}

#[tokio::test]
async fn what_a_recipient_cannot_be_sent_fails_for_it_alone() {
    let rest = Rest::start().await;
    let app = rest.app().await;
    let endpoint = json!({ "ChannelType": "SMS", "Address": "+12065550104", "Attributes": { "v": ["z"] } });
    assert_eq!(rest.call("PUT", &format!("{app}/endpoints/e1"), endpoint).await.status, 202);
    let sent = rest
        .call(
            "POST",
            &format!("{app}/messages"),
            json!({
                "Addresses": {
                    "+12065550101": { "ChannelType": "SMS", "Substitutions": { "v": ["x".repeat(800)] } },
                    "+12065550102": { "ChannelType": "SMS", "Substitutions": { "v": ["y".repeat(801)] } },
                    "+12065550103": { "ChannelType": "SMS" },
                },
                "Endpoints": { "e1": {} },
                "MessageConfiguration": { "SMSMessage": { "Body": "{{v}}{{v}}{{Attributes.v}}" } },
            }),
        )
        .await;
    assert_eq!(sent.status, 200, "{:?}", sent.body);
    let result = |part: &str, name: &str| {
        let result = &sent.body[part][name];
        (result["DeliveryStatus"].as_str().unwrap().to_owned(), result["StatusMessage"].as_str().unwrap().to_owned())
    };
    assert_eq!(result("Result", "+12065550101").0, "SUCCESSFUL");
    let (status, text) = result("Result", "+12065550102");
    assert_eq!(
        (status.as_str(), text.as_str()),
        ("PERMANENT_FAILURE", "can't send the SMS text: it has more than 1600 characters",)
    );
    let (status, text) = result("Result", "+12065550103");
    assert_eq!((status.as_str(), text.as_str()), ("PERMANENT_FAILURE", "can't send the SMS text: it is empty"));
    assert_eq!(result("EndpointResult", "e1").0, "SUCCESSFUL", "what the endpoint says counts as well");
}

#[tokio::test]
async fn a_retry_of_an_sdk_is_no_second_message() {
    let rest = Rest::start().await;
    let target = format!("{}/messages", rest.app().await);
    let body = |text: &str| {
        json!({ "Addresses": { "+12065550101": { "ChannelType": "SMS" } },
                "MessageConfiguration": { "SMSMessage": { "Body": text } } })
        .to_string()
    };
    let mut ids = Vec::new();
    for (invocation, text) in [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x")] {
        let mut request = rest.signed("POST", &target, &body(text));
        request.headers_mut().insert("amz-sdk-invocation-id", invocation.parse().unwrap());
        let answer = rest.answer(request).await;
        ids.push(answer.body["Result"]["+12065550101"]["MessageId"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0] != ids[2] && ids[0] != ids[3] && ids[2] != ids[3]);
}

#[tokio::test]
async fn malformed_requests_are_refused_whole() {
    let rest = Rest::start().await;
    let target = format!("{}/messages", rest.app().await);
    let sms = json!({ "SMSMessage": { "Body": "b" } });
    let many: serde_json::Map<_, _> =
        (0..101).map(|n| (format!("+1206555{n:04}"), json!({ "ChannelType": "SMS" }))).collect();
    let to = json!({ "+12065550101": { "ChannelType": "SMS" } });
    for (body, text) in [
        (json!({ "MessageConfiguration": sms }), "found 0"),
        (json!({ "Addresses": many, "MessageConfiguration": sms }), "found 101"),
        (json!({ "Addresses": to, "MessageConfiguration": {} }), "MessageConfiguration: "),
        (json!({ "Addresses": to }), "MessageConfiguration: is required"),
        (
            json!({ "Addresses": { "x": { "ChannelType": "PIGEON" } }, "MessageConfiguration": sms }),
            "Addresses.x.ChannelType",
        ),
        (json!({ "Addresses": { "x": {} }, "MessageConfiguration": sms }), "Addresses.x.ChannelType: is required"),
        (json!({ "Addresses": { "x": null }, "MessageConfiguration": sms }), "Addresses.x.ChannelType: is required"),
        (
            json!({ "Addresses": { "x": { "ChannelType": "SMS", "TitleOverride": "t" } }, "MessageConfiguration": sms }),
            "Addresses.x.TitleOverride: isn't offered on SMS",
        ),
        (json!({ "Addresses": to, "MessageConfiguration": sms, "TraceId": "a\nb" }), "TraceId: line breaks"),
        (
            json!({ "Addresses": to, "MessageConfiguration": { "SMSMessage": { "Body": 7 } } }),
            "MessageConfiguration.SMSMessage.Body",
        ),
    ] {
        let refused = rest.call("POST", &target, body).await;
        assert_eq!(refused.error(), (400, "BadRequestException"));
        assert!(refused.message().contains(text), "{} has no {text}", refused.message());
    }
}
