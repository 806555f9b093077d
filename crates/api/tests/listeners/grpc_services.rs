//! The services of the gRPC listener.

use std::collections::BTreeMap;
use std::time::Duration;

use api::grpc::GrpcLimits;
use service::ports::LogError;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use wire::v1;
use wire::v1::accounting_client::AccountingClient;
use wire::v1::apps_client::AppsClient;
use wire::v1::endpoints_client::EndpointsClient;
use wire::v1::messages_client::MessagesClient;
use wire::v1::opt_outs_client::OptOutsClient;
use wire::v1::traffic_client::TrafficClient;
use wire::v1::watch_response::Update;

use crate::grpc::{Grpc, Intercepted, client};
use crate::sockets::PATIENCE;
use crate::support::{KEY_ID, READER_ID, SECRET};

async fn app(grpc: &Grpc) -> String {
    let mut apps: AppsClient<Intercepted> = client!(AppsClient, grpc);
    let made = apps.create(v1::CreateAppRequest { name: "n".into(), tags: BTreeMap::new() }).await.unwrap();
    let app_id = made.into_inner().app.unwrap().app_id;
    let detail = v1::put_channel_request::Detail::Sms(v1::SmsChannel::default());
    let put = v1::PutChannelRequest { app_id: app_id.clone(), detail: Some(detail), ..Default::default() };
    assert!(apps.put_channel(put).await.unwrap().into_inner().settings.unwrap().enabled);
    app_id
}

fn sms(text: &str) -> Option<v1::Content> {
    let sms = v1::SmsContent { text: text.into(), purpose: v1::Purpose::Transactional.into(), ..Default::default() };
    Some(v1::Content { content: Some(v1::content::Content::Sms(sms)) })
}

fn to(address: &str) -> v1::Recipient {
    v1::Recipient { to: Some(v1::recipient::To::Address(address.into())), ..Default::default() }
}

/// An email with one header field.
fn mail(subject: &str, name: &str, value: &str) -> Option<v1::Content> {
    let headers = vec![v1::HeaderField { name: name.into(), value: value.into() }];
    let text = Some("t".to_owned());
    let email = v1::EmailContent { subject: subject.into(), text, headers, ..Default::default() };
    Some(v1::Content { content: Some(v1::content::Content::Email(email)) })
}

fn send(app_id: &str, addresses: &[&str]) -> v1::SendMessagesRequest {
    let recipients = addresses.iter().map(|address| to(address)).collect();
    v1::SendMessagesRequest { app_id: app_id.into(), recipients, content: sms("hi"), ..Default::default() }
}

fn opt_out(app_id: &str, address: &str) -> v1::PutOptOutRequest {
    let channel = v1::Channel::Sms.into();
    v1::PutOptOutRequest { app_id: app_id.into(), channel, address: address.into(), ..Default::default() }
}

#[tokio::test]
async fn only_calls_with_a_key_come_in() {
    let grpc = Grpc::start().await;
    let ask = || v1::GetPlanRequest {};
    let refused = TrafficClient::new(grpc.plain()).get_plan(ask()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    for (id, secret) in [(KEY_ID, "wrong"), ("AKIANOBODY", SECRET)] {
        let (channel, key) = grpc.with(id, secret);
        let refused = TrafficClient::with_interceptor(channel, key).get_plan(ask()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    let (channel, key) = grpc.with(READER_ID, SECRET);
    let refused = TrafficClient::with_interceptor(channel, key).get_plan(ask()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_full_listener_is_exhausted() {
    let grpc = Grpc::with_limits(GrpcLimits { calls_max: 0, ..GrpcLimits::default() }).await;
    let refused = client!(TrafficClient, grpc).get_plan(v1::GetPlanRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn an_overloaded_log_says_when_to_come_back() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let retry_after = Duration::from_millis(1_500);
    *grpc.node.groups.failure.lock().unwrap() = Some(LogError::Overloaded { retry_after });
    let patch = v1::EndpointPatch {
        channel: v1::Channel::Sms.into(),
        address: Some("+12065550101".into()),
        ..Default::default()
    };
    let put = v1::PutEndpointRequest {
        app_id: app_id.clone(),
        endpoint_id: "e".into(),
        patch: Some(patch),
        request_id: String::new(),
    };
    let not_sent = client!(MessagesClient, grpc).send(send(&app_id, &["+12065550101"])).await.unwrap_err();
    let not_put = client!(EndpointsClient, grpc).put(put).await.unwrap_err();
    for refused in [not_sent, not_put] {
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(refused.metadata().get("x-signalbox-retry-after-ms").unwrap(), "1500");
    }
}

#[tokio::test]
async fn a_change_that_other_groups_must_follow_is_refused_while_too_many_wait() {
    let grpc = Grpc::start().await;
    grpc.node.groups.fill_follow_ups();
    let create = v1::CreateAppRequest { name: "n".into(), tags: BTreeMap::new() };
    let refused = client!(AppsClient, grpc).create(create).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.metadata().get("x-signalbox-retry-after-ms").unwrap(), "3000");
}

#[tokio::test]
async fn messages_are_accepted_reported_and_counted() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let mut messages = client!(MessagesClient, grpc);
    client!(OptOutsClient, grpc).put(opt_out(&app_id, "+1 206 555 0102")).await.unwrap();
    let request = v1::SendMessagesRequest {
        request_id: "00000000000000000000000000000abc".into(),
        ..send(&app_id, &["+1 (206) 555-0101", "+12065550102", "hello"])
    };
    let sent = messages.send(request.clone()).await.unwrap().into_inner();
    let statuses: Vec<_> = sent.results.iter().map(|result| result.status()).collect();
    use v1::SendStatus::{Accepted, InvalidAddress, OptedOut};
    assert_eq!(statuses, [Accepted, OptedOut, InvalidAddress]);
    assert_eq!(messages.send(request).await.unwrap().into_inner(), sent);

    let message_id = sent.results[0].message_id.clone();
    let got = messages.get(v1::GetMessageRequest { message_id }).await.unwrap().into_inner();
    assert_eq!(got.progress.unwrap().status(), v1::Status::Waiting);
    let accounting =
        client!(AccountingClient, grpc).get(v1::GetAccountingRequest { app_id: Some(app_id) }).await.unwrap();
    assert_eq!(accounting.into_inner().sum.unwrap().pending, 1);
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_accepted() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let put = v1::PutChannelRequest {
        app_id: app_id.clone(),
        detail: Some(v1::put_channel_request::Detail::Custom(v1::CustomChannel::default())),
        ..Default::default()
    };
    client!(AppsClient, grpc).put_channel(put).await.unwrap();
    let custom = v1::content::Content::Custom(v1::CustomContent { data: "{}".into() });
    let to = ["https://example.com/hook", "not a url"];
    let request =
        v1::SendMessagesRequest { content: Some(v1::Content { content: Some(custom) }), ..send(&app_id, &to) };
    let sent = client!(MessagesClient, grpc).send(request).await.unwrap().into_inner();
    let statuses: Vec<_> = sent.results.iter().map(|result| result.status()).collect();
    assert_eq!(statuses, [v1::SendStatus::Accepted, v1::SendStatus::Unsendable]);
    assert_eq!(sent.results[1].detail, "the address is no URL");
}

#[tokio::test]
async fn flaws_are_named_by_their_field() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let mut messages = client!(MessagesClient, grpc);
    let many: Vec<String> = (0..101).map(|n| format!("+1206555{n:04}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = sms(&"x".repeat(1_601));
    for (request, field) in [
        (send("x", &["+12065550101"]), "app_id"),
        (send(&app_id, &[]), "recipients"),
        (send(&app_id, &many), "recipients"),
        (v1::SendMessagesRequest { content: None, ..send(&app_id, &["x"]) }, "content"),
        (v1::SendMessagesRequest { content: long, ..send(&app_id, &["x"]) }, "content.sms.text"),
        (
            v1::SendMessagesRequest { recipients: vec![v1::Recipient::default()], ..send(&app_id, &[]) },
            "recipients[0].to",
        ),
        (v1::SendMessagesRequest { content: sms("{{v"), ..send(&app_id, &["x"]) }, "content.sms.text"),
        (
            v1::SendMessagesRequest { content: mail("a\r\nBcc: b", "X-A", "1"), ..send(&app_id, &["x"]) },
            "content.email.subject",
        ),
        (
            v1::SendMessagesRequest { content: mail("s", "From", "1"), ..send(&app_id, &["x"]) },
            "content.email.headers[0].name",
        ),
        (
            v1::SendMessagesRequest { content: mail("s", "X-A", "a\nb"), ..send(&app_id, &["x"]) },
            "content.email.headers[0].value",
        ),
        (
            v1::SendMessagesRequest { content: mail("s", "X-A", "{{#if}}"), ..send(&app_id, &["x"]) },
            "content.email.headers",
        ),
        (v1::SendMessagesRequest { trace_id: Some("a\nb".into()), ..send(&app_id, &["x"]) }, "trace_id"),
        (v1::SendMessagesRequest { time_to_live_ms: Some(0), ..send(&app_id, &["x"]) }, "time_to_live_ms"),
        (v1::SendMessagesRequest { request_id: "1".into(), ..send(&app_id, &["x"]) }, "request_id"),
    ] {
        let refused = messages.send(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(refused.metadata().get("x-signalbox-field").unwrap(), field);
    }
    let missing = send("00000000000000000000000000000001", &["+12065550101"]);
    assert_eq!(messages.send(missing).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_message_is_watched_until_it_is_settled() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let mut messages = client!(MessagesClient, grpc);
    let sent = messages.send(send(&app_id, &["+12065550101"])).await.unwrap().into_inner();
    let message_id = sent.results[0].message_id.clone();
    let what = v1::watch_request::What::MessageId(message_id.clone());
    let mut progress = messages.watch(v1::WatchRequest { what: Some(what) }).await.unwrap().into_inner();
    let mut events = messages.watch(watch_app(&app_id)).await.unwrap().into_inner();
    let status = |update: Option<v1::WatchResponse>| match update.and_then(|update| update.update) {
        Some(Update::Progress(progress)) => progress.status(),
        other => panic!("{other:?}"),
    };
    assert_eq!(status(next(&mut progress).await.unwrap()), v1::Status::Waiting);
    grpc.node.settle(message_id.parse().unwrap()).await;
    assert_eq!(status(next(&mut progress).await.unwrap()), v1::Status::Delivered);
    assert_eq!(next(&mut progress).await.unwrap(), None);

    match next(&mut events).await.unwrap().unwrap().update {
        Some(Update::Event(record)) => {
            let event = record.event.unwrap();
            assert_eq!((event.message_id.as_str(), event.kind()), (message_id.as_str(), v1::EventKind::Sent));
        }
        other => panic!("{other:?}"),
    }
    grpc.shutdown.cancel();
    assert_eq!(next(&mut events).await.unwrap_err().code(), Code::Unavailable);
    grpc.serving.await.unwrap();
}

/// Takes the next update; a watch that never says anything fails instead of hanging.
async fn next(updates: &mut tonic::Streaming<v1::WatchResponse>) -> Result<Option<v1::WatchResponse>, tonic::Status> {
    tokio::time::timeout(PATIENCE, updates.message()).await.unwrap()
}

fn watch_app(app_id: &str) -> v1::WatchRequest {
    let app = v1::WatchApp { app_id: app_id.into(), after: BTreeMap::new() };
    v1::WatchRequest { what: Some(v1::watch_request::What::App(app)) }
}

#[tokio::test]
async fn watches_are_counted() {
    let grpc = Grpc::with_limits(GrpcLimits { watches_max: 1, ..GrpcLimits::default() }).await;
    let app_id = app(&grpc).await;
    let mut messages = client!(MessagesClient, grpc);
    let first = messages.watch(watch_app(&app_id)).await.unwrap();
    assert_eq!(messages.watch(watch_app(&app_id)).await.unwrap_err().code(), Code::ResourceExhausted);
    drop(first);
}

#[tokio::test]
async fn endpoints_are_merged_and_deleted() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let mut endpoints = client!(EndpointsClient, grpc);
    let patch = v1::EndpointPatch {
        channel: v1::Channel::Sms.into(),
        address: Some("+12065550101".into()),
        metrics: BTreeMap::from([("visits".into(), 2.0)]),
        ..Default::default()
    };
    let put = |patch| v1::PutEndpointRequest {
        app_id: app_id.clone(),
        endpoint_id: "Dev".into(),
        patch: Some(patch),
        request_id: String::new(),
    };
    let made = endpoints.put(put(patch)).await.unwrap().into_inner().endpoint.unwrap();
    assert_eq!((made.display_id.as_str(), made.revision), ("Dev", 1));
    let get = v1::GetEndpointRequest { app_id: app_id.clone(), endpoint_id: "dev".into(), linearizable: true };
    let got = endpoints.get(get).await.unwrap().into_inner().endpoint.unwrap();
    assert_eq!((got.address.as_deref(), got.metrics["visits"]), (Some("+12065550101"), 2.0));
    let long = v1::EndpointPatch { metrics: BTreeMap::from([("n".repeat(51), 1.0)]), ..Default::default() };
    let refused = endpoints.put(put(long)).await.unwrap_err();
    assert_eq!(refused.metadata().get("x-signalbox-field").unwrap(), "patch.metrics");
    let delete = || v1::DeleteEndpointRequest { app_id: app_id.clone(), endpoint_id: "DEV".into() };
    endpoints.delete(delete()).await.unwrap();
    assert_eq!(endpoints.delete(delete()).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn opt_outs_are_listed_and_removed() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let mut opt_outs = client!(OptOutsClient, grpc);
    for address in ["+12065550101", "+12065550102"] {
        opt_outs.put(opt_out(&app_id, address)).await.unwrap();
    }
    let list = v1::ListOptOutsRequest { app_id: app_id.clone(), ..Default::default() };
    let all = opt_outs.list(list.clone()).await.unwrap().into_inner();
    assert_eq!((all.opt_outs.len(), all.next_page_token.as_str()), (2, ""));
    let one =
        v1::ListOptOutsRequest { address: Some("001 206 555 0101".into()), channel: v1::Channel::Voice.into(), ..list };
    let found = opt_outs.list(one).await.unwrap().into_inner().opt_outs;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].recipient_key.as_str(), found[0].channel()), ("tel:+12065550101", v1::Channel::Sms));
    let delete = || v1::DeleteOptOutRequest {
        app_id: app_id.clone(),
        channel: v1::Channel::Sms.into(),
        address: "+12065550101".into(),
        ..Default::default()
    };
    opt_outs.delete(delete()).await.unwrap();
    assert_eq!(opt_outs.delete(delete()).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn opt_outs_in_a_list_hold_for_apps_and_are_removed_from_the_list_alone() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let mut opt_outs = client!(OptOutsClient, grpc);
    let (list, channel) = ("Default".to_owned(), v1::Channel::Sms.into());
    let put = |list: &str, app_id: &str, channel: v1::Channel, address: &str| v1::PutOptOutRequest {
        app_id: app_id.into(),
        channel: channel.into(),
        address: address.into(),
        opt_out_list: list.into(),
        ..Default::default()
    };
    let (sms, number) = (v1::Channel::Sms, "+12065550103");
    let put_one = opt_outs.put(put(&list, "", sms, number)).await.unwrap().into_inner().opt_out.unwrap();
    assert_eq!((put_one.app_id.as_str(), put_one.opt_out_list.as_str()), ("", "Default"));
    let get = v1::GetOptOutRequest { app_id: app_id.clone(), channel, address: number.into(), ..Default::default() };
    let got = opt_outs.get(get.clone()).await.unwrap().into_inner().opt_out.unwrap();
    assert_eq!(got.opt_out_list, "Default");
    let of_app =
        v1::DeleteOptOutRequest { app_id: app_id.clone(), channel, address: number.into(), ..Default::default() };
    assert_eq!(opt_outs.delete(of_app.clone()).await.unwrap_err().code(), Code::NotFound);
    let page = v1::ListOptOutsRequest { opt_out_list: list.clone(), ..Default::default() };
    assert_eq!(opt_outs.list(page).await.unwrap().into_inner().opt_outs, [put_one]);
    let of_list = v1::DeleteOptOutRequest { app_id: String::new(), opt_out_list: list.clone(), ..of_app };
    opt_outs.delete(of_list).await.unwrap();
    assert_eq!(opt_outs.get(get).await.unwrap_err().code(), Code::NotFound);
    for (request, field) in [
        (put(&list, &app_id, sms, number), "opt_out_list"),
        (put(&list, "", v1::Channel::Email, "a@b.example"), "channel"),
        (put(&list, "", sms, "2065550103"), "address"),
        (put("", &app_id, sms, "2065550103"), "address"),
    ] {
        let refused = opt_outs.put(request).await.unwrap_err();
        assert_eq!(refused.metadata().get("x-signalbox-field").unwrap(), field);
    }
    assert_eq!(opt_outs.put(put("Mine", "", sms, number)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn health_is_asked_without_a_key() {
    let grpc = Grpc::start().await;
    let request = HealthCheckRequest { service: String::new() };
    let health = HealthClient::new(grpc.plain()).check(request).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);
}
