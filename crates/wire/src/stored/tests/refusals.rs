//! What is no row, proposal or outcome, each with the field and the reason that the error names.

use std::fmt::Debug;

use model::address::AddressKey;
use model::app::ChannelDetail;
use model::cluster::NodeInfo;
use model::command::FollowUpAction;
use model::message::Body;
use model::opt_out::{Block, OptOut};
use model::rows::{OutboxRow, RequestRow};
use model::*;
use prost::Message as _;

use super::super::{Form, Stored};
use crate::error::WireError;
use crate::state;

/// Checks that the generated value is refused, naming `path` and giving `reason`.
fn refused<T: Form + Debug>(generated: T::Generated, path: &str, reason: &str) {
    match T::decode(&generated.encode_to_vec()) {
        Err(WireError::Field { source, .. }) => {
            assert_eq!((source.path.as_str(), source.reason.to_string().as_str()), (path, reason));
        }
        other => panic!("{path}: {other:?}"),
    }
}

const ID: Option<state::Id> = Some(state::Id { high: 1, low: 2 });
const REQUIRED: &str = "is required";
const NO_REGION: &str = "a region must have 1 to 32 characters, found 0";

fn custom() -> Option<state::ChannelDetail> {
    Some(state::ChannelDetail { detail: Some(state::channel_detail::Detail::Custom(state::Nothing {})) })
}

#[test]
fn rows_of_the_control_group() {
    refused::<App>(state::App::default(), "id", REQUIRED);
    refused::<ChannelDetail>(state::ChannelDetail::default(), "detail", REQUIRED);
    refused::<ChannelSettings>(state::ChannelSettings::default(), "channel", REQUIRED);
    let settings = state::ChannelSettings { channel: 99, detail: custom(), ..Default::default() };
    refused::<ChannelSettings>(settings, "channel", "99 is no value of Channel");
    let settings = state::ChannelSettings { channel: 1, class: -3, detail: custom(), ..Default::default() };
    refused::<ChannelSettings>(settings, "class", "-3 is no value of Class");
    let plan = state::TrafficPlan { mode: 1, ..Default::default() };
    refused::<TrafficPlan>(plan.clone(), "weights", REQUIRED);
    let weights = Some(state::Weights::default());
    let plan = state::TrafficPlan { weights, ..plan };
    refused::<TrafficPlan>(plan.clone(), "author", REQUIRED);
    let author = Some(state::Author::default());
    refused::<TrafficPlan>(state::TrafficPlan { author, ..plan.clone() }, "author.author", REQUIRED);
    let regions = [("a".to_owned(), 7)].into();
    refused::<TrafficPlan>(state::TrafficPlan { regions, ..plan.clone() }, "regions", "7 is no value of RegionState");
    let channel_weights = [(0, state::Weights::default())].into();
    let plan = state::TrafficPlan { channel_weights, ..plan };
    refused::<TrafficPlan>(plan, "channel_weights", "0 is no value of Channel");
    refused::<NodeInfo>(state::NodeInfo { kind: 1, ..Default::default() }, "region", NO_REGION);
    refused::<NodeInfo>(state::NodeInfo { region: "a".into(), ..Default::default() }, "kind", REQUIRED);
}

#[test]
fn rows_about_recipients() {
    let channels = [(u32::MAX, state::ChannelSendState::default())].into();
    let send_state = state::AppSendState { app: ID, channels, ..Default::default() };
    refused::<AppSendState>(send_state, "channels", "4294967295 is no value of Channel");
    let channels = [(1, state::ChannelSendState::default())].into();
    refused::<AppSendState>(
        state::AppSendState { app: ID, channels, ..Default::default() },
        "channels.detail",
        REQUIRED,
    );
    let endpoint =
        || state::Endpoint { app: ID, id: "a".into(), status: 1, opt_out: 1, request: ID, ..Default::default() };
    assert!(Endpoint::read(endpoint()).is_ok());
    refused::<Endpoint>(state::Endpoint { id: String::new(), ..endpoint() }, "id", REQUIRED);
    let bad_id = state::Endpoint { id: "a$".into(), ..endpoint() };
    refused::<Endpoint>(bad_id, "id", "an endpoint id may not contain '$'");
    refused::<Endpoint>(state::Endpoint { request: None, ..endpoint() }, "request", REQUIRED);
    refused::<Endpoint>(state::Endpoint { cohort: 100, ..endpoint() }, "cohort", "100 is over the largest value, 99");
    let metrics = [("m".to_owned(), f64::NAN.to_bits())].into();
    refused::<Endpoint>(state::Endpoint { metrics, ..endpoint() }, "metrics", "must be a finite number");
    let target = Some(state::Target { channel: 1, address: "a".into(), key: String::new(), written: None });
    refused::<Endpoint>(state::Endpoint { target, ..endpoint() }, "target.key", REQUIRED);
    let user = Some("u".repeat(257));
    let reason = "a user id must have 1 to 256 characters, found 257";
    refused::<Endpoint>(state::Endpoint { user, ..endpoint() }, "user", reason);
    refused::<OptOut>(state::OptOut { app: ID, ..Default::default() }, "key", REQUIRED);
    let block = state::Block { app: ID, key: "k".into(), endpoint: "e".into(), channel: 1, reason: 4, revision: 1 };
    refused::<Block>(block, "reason", "4 is no value of BlockReason");
    assert!(EndpointId::decode(&[0xff]).is_err());
    assert!(EndpointId::decode(&[]).is_err());
}

#[test]
fn rows_about_messages() {
    refused::<Body>(state::Body::default(), "content", REQUIRED);
    let sms = state::content::Content::Sms(state::SmsContent::default());
    let content = state::body::BodyContent::Content(state::Content { content: Some(sms) });
    let body = state::Body { body_content: Some(content), ..Default::default() };
    refused::<Body>(body, "content.sms.purpose", REQUIRED);
    let pieces = state::body::BodyContent::Pieces(state::Pieces { count: 1, bytes: 1, purpose: 0 });
    let body = state::Body { body_content: Some(pieces), ..Default::default() };
    refused::<Body>(body, "pieces.purpose", REQUIRED);
    let message =
        || state::Message { id: ID, app: ID, channel: 1, key: "k".into(), body: ID, class: 1, ..Default::default() };
    assert!(Message::read(message()).is_ok());
    refused::<Message>(state::Message { id: None, ..message() }, "id", REQUIRED);
    refused::<Message>(state::Message { body: None, ..message() }, "body", REQUIRED);
    refused::<Message>(state::Message { class: 0, ..message() }, "class", REQUIRED);
    refused::<Message>(state::Message { endpoint: Some(String::new()), ..message() }, "endpoint", REQUIRED);
    let progress = state::Progress { status: 1, region: "Upper".into(), ..Default::default() };
    refused::<Progress>(progress, "region", "a region may not contain 'U'");
    let progress = state::Progress { status: 7, region: "a".into(), ..Default::default() };
    refused::<Progress>(progress, "status", "7 is no value of Status");
    refused::<OutboxRow>(state::OutboxRow { channel: 1, ..Default::default() }, "class", REQUIRED);
    let event = state::Event { app: ID, message: ID, channel: 1, kind: 13, region: "a".into(), ..Default::default() };
    refused::<Event>(event, "kind", "13 is no value of EventKind");
}

#[test]
fn rows_about_the_group() {
    refused::<RequestRow>(state::RequestRow::default(), "answer", REQUIRED);
    let answer = Some(state::request_row::Answer::Whole(state::Outcome::default()));
    refused::<RequestRow>(state::RequestRow { answer, time_ms: 1 }, "whole.outcome", REQUIRED);
    let answers = vec![state::RecipientAnswer::default()];
    let answer = Some(state::request_row::Answer::Recipients(state::RecipientAnswers { answers }));
    refused::<RequestRow>(state::RequestRow { answer, time_ms: 1 }, "recipients.answers[0].answer", REQUIRED);
    refused::<FollowUpAction>(state::FollowUpAction::default(), "action", REQUIRED);
    assert!(<u64 as Stored>::decode(&[1, 2, 3]).is_err());
    assert!(<() as Stored>::decode(&[0]).is_err());
}

#[test]
fn proposals() {
    use state::proposal::Command as Generated;
    let proposal = |command| state::Proposal { command: Some(command), ..Default::default() };
    // A command that a newer program knows: its field is skipped, and nothing is left.
    let mut newer = Vec::new();
    prost::encoding::string::encode(900, &"something new".to_owned(), &mut newer);
    assert!(matches!(Proposal::decode(&newer), Err(WireError::Field { source, .. }) if source.path == "command"));
    refused::<Proposal>(proposal(Generated::DeleteApp(state::DeleteApp { app: None })), "delete_app.app", REQUIRED);
    let recipients = vec![
        state::Recipient { message: ID, key: "k".into(), ..Default::default() },
        state::Recipient { message: ID, ..Default::default() },
    ];
    let content = state::content::Content::Custom(state::CustomContent { data: String::new() });
    let content = state::accept_messages::BodyContent::Content(state::Content { content: Some(content) });
    let body_content = Some(content);
    let accept =
        state::AcceptMessages { app: ID, channel: 1, body: ID, body_content, recipients, ..Default::default() };
    refused::<Proposal>(proposal(Generated::AcceptMessages(accept)), "accept_messages.recipients[1].key", REQUIRED);
    let put = state::PutPiece { app: ID, body: ID, number: 0, count: 1, piece: None };
    refused::<Proposal>(proposal(Generated::PutPiece(put)), "put_piece.piece", REQUIRED);
    let settle = state::Settle { region: "a".into(), results: vec![state::Settlement::default()] };
    refused::<Proposal>(proposal(Generated::Settle(settle)), "settle.results[0].result", REQUIRED);
    let done = state::FollowUpsDone { target: 65_536, through: 1 };
    let reason = "65536 is over the largest value, 65535";
    refused::<Proposal>(proposal(Generated::FollowUpsDone(done)), "follow_ups_done.target", reason);
    let claim = state::ClaimMessages { region: "a".into(), ..Default::default() };
    refused::<Proposal>(proposal(Generated::Claim(claim)), "claim.claim", REQUIRED);
}

#[test]
fn outcomes() {
    use state::outcome::Outcome as Generated;
    let outcome = |outcome| state::Outcome { outcome: Some(outcome) };
    refused::<Outcome>(outcome(Generated::Refused(state::Refusal::default())), "refused.refusal", REQUIRED);
    let accepted = state::AcceptedOutcome { recipients: vec![state::Acceptance::default()] };
    refused::<Outcome>(outcome(Generated::Accepted(accepted)), "accepted.recipients[0].acceptance", REQUIRED);
    let carried = state::CarriedOutcome::default();
    refused::<Outcome>(outcome(Generated::Carried(Box::new(carried))), "carried.outcome", REQUIRED);
}

#[test]
fn bytes_that_are_no_protobuf_are_refused_with_their_cause() {
    let error = Message::decode(&[0x0a, 0xff]).unwrap_err();
    assert_eq!(error.to_string(), "malformed bytes of model::message::Message");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_key_is_text_whatever_it_holds() {
    let key = AddressKey::from_stored("custom:\u{1f4a5}");
    let opt_out = OptOut {
        app: AppId(1),
        key,
        channel: Channel::Custom,
        source: opt_out::OptOutSource::Request,
        time: Timestamp(1),
    };
    assert_eq!(OptOut::decode(&opt_out.encoded()), Ok(opt_out));
}
