//! Mails that are larger than a command: up to 10 MiB they are accepted in pieces, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::body::{BodyContent, Piece};
use model::content::{Content, EMAIL_SIZE_MAX};
use model::id::{AppId, BodyId, GroupId, MessageId};
use registry::tables::{Bodies, Messages, OpenBodies, Pieces, RowAccess};
use service::ports::LogError;
use tonic::Code;
use wire::Stored as _;
use wire::v1;
use wire::v1::apps_client::AppsClient;
use wire::v1::messages_client::MessagesClient;

use crate::grpc::{Grpc, Intercepted, client};
use crate::support::PARTITIONS;

const RECIPIENTS: u32 = 6;
const REQUEST: &str = "00000000000000000000000000000abc";

async fn app(grpc: &Grpc) -> String {
    let mut apps: AppsClient<Intercepted> = client!(AppsClient, grpc);
    let made = apps.create(v1::CreateAppRequest { name: "n".into(), tags: BTreeMap::new() }).await.unwrap();
    let app_id = made.into_inner().app.unwrap().app_id;
    let email =
        v1::EmailChannel { from_address: "shop@example.com".into(), identity: "i".into(), ..Default::default() };
    let detail = Some(v1::put_channel_request::Detail::Email(email));
    apps.put_channel(v1::PutChannelRequest { app_id: app_id.clone(), detail, ..Default::default() }).await.unwrap();
    app_id
}

fn mail(bytes: usize) -> Vec<u8> {
    let mut mail = b"Subject: large\r\n\r\n".to_vec();
    mail.extend((mail.len()..bytes).map(|place| (place / 251) as u8));
    mail
}

fn send(app_id: &str, content: v1::content::Content) -> v1::SendMessagesRequest {
    let to = |n| v1::recipient::To::Address(format!("large-{n}@example.com"));
    let recipients = (0..RECIPIENTS).map(|n| v1::Recipient { to: Some(to(n)), ..Default::default() }).collect();
    let content = Some(v1::Content { content: Some(content) });
    let (app_id, request_id) = (app_id.to_owned(), REQUEST.to_owned());
    v1::SendMessagesRequest { app_id, recipients, content, request_id, ..Default::default() }
}

fn raw(bytes: usize) -> v1::content::Content {
    v1::content::Content::RawEmail(v1::RawEmailContent { data: mail(bytes).into(), from: None })
}

fn statuses(answer: &v1::SendMessagesResponse) -> BTreeSet<v1::SendStatus> {
    answer.results.iter().map(|result| result.status()).collect()
}

/// Returns the bodies of all partitions, and how many messages there are.
fn bodies(grpc: &Grpc) -> (Vec<Content>, usize) {
    let (mut contents, mut messages) = (Vec::new(), 0);
    for group in GroupId::partitions(PARTITIONS) {
        let tables = grpc.node.groups.tables(group);
        messages += tables.rows_while::<Messages>(&MessageId(0), 100, |_| true).unwrap().len();
        for ((app, id), body) in tables.rows_while::<Bodies>(&(AppId(0), BodyId(0)), 100, |_| true).unwrap() {
            let BodyContent::Pieces(pieces) = body.content else { panic!("the body is whole") };
            let piece = |number| tables.row::<Pieces>(&(app, id, number)).unwrap().unwrap();
            let bytes: Vec<u8> = (0..pieces.count).map(piece).flat_map(|Piece(data)| data).collect();
            contents.push(Content::decode(&bytes).unwrap());
        }
    }
    (contents, messages)
}

#[tokio::test]
async fn a_mail_of_10_mib_is_accepted_in_every_partition() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let answer = client!(MessagesClient, grpc).send(send(&app_id, raw(EMAIL_SIZE_MAX))).await.unwrap().into_inner();
    assert_eq!(statuses(&answer), BTreeSet::from([v1::SendStatus::Accepted]));
    let (contents, messages) = bodies(&grpc);
    assert_eq!(messages, RECIPIENTS as usize);
    assert!(contents.len() > 1, "the recipients are in one partition");
    let expected = Content::RawEmail { data: mail(EMAIL_SIZE_MAX), from: None };
    assert!(contents.iter().all(|content| *content == expected));
    let again = client!(MessagesClient, grpc).send(send(&app_id, raw(EMAIL_SIZE_MAX))).await.unwrap().into_inner();
    assert_eq!(again, answer);
}

#[tokio::test]
async fn a_larger_mail_is_refused_with_the_limit() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let parts = |bytes: usize| {
        let (subject, html) = ("s".repeat(10), Some("h".repeat(bytes / 2)));
        let text = Some("t".repeat(bytes - bytes / 2 - subject.len()));
        v1::content::Content::Email(v1::EmailContent { subject, html, text, ..Default::default() })
    };
    for content in [raw(EMAIL_SIZE_MAX + 1), parts(EMAIL_SIZE_MAX + 1)] {
        let refused = client!(MessagesClient, grpc).send(send(&app_id, content)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("10485760"), "{refused}");
    }
    let refused = client!(MessagesClient, grpc).send(send(&app_id, raw(12 << 20))).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    assert!(refused.message().contains(&(11 << 20).to_string()), "{refused}");
    let answer = client!(MessagesClient, grpc).send(send(&app_id, parts(EMAIL_SIZE_MAX))).await.unwrap().into_inner();
    assert_eq!(statuses(&answer), BTreeSet::from([v1::SendStatus::Accepted]));
}

/// As when the region that serves the caller, or that leads, is lost while the pieces come in: the next try is
/// accepted, once.
#[tokio::test]
async fn a_try_that_ends_between_its_pieces_accepts_nothing() {
    let grpc = Grpc::start().await;
    let app_id = app(&grpc).await;
    let waited = Duration::from_secs(8);
    let failures = [
        LogError::Unknown { group: GroupId(1), waited },
        LogError::NoLeader { group: GroupId(1), waited },
        LogError::Stopping,
    ];
    for (pieces, failure) in (3..).zip(failures) {
        grpc.node.groups.failure_after.store(pieces, Ordering::SeqCst);
        *grpc.node.groups.failure.lock().unwrap() = Some(failure);
        let answer = client!(MessagesClient, grpc).send(send(&app_id, raw(3 << 20))).await.unwrap().into_inner();
        assert_eq!(statuses(&answer), BTreeSet::from([v1::SendStatus::Unavailable]), "{answer:?}");
        *grpc.node.groups.failure.lock().unwrap() = None;
    }
    assert_eq!(bodies(&grpc), (Vec::new(), 0));
    let open = |group| {
        let tables = grpc.node.groups.tables(group);
        tables.rows_while::<OpenBodies>(&(AppId(0), BodyId(0)), 100, |_| true).unwrap().len()
    };
    assert!(GroupId::partitions(PARTITIONS).map(open).sum::<usize>() > 0, "no piece came in");
    let answer = client!(MessagesClient, grpc).send(send(&app_id, raw(3 << 20))).await.unwrap().into_inner();
    assert_eq!(statuses(&answer), BTreeSet::from([v1::SendStatus::Accepted]));
    assert_eq!(bodies(&grpc).1, RECIPIENTS as usize);
}
