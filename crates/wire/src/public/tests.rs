//! Requests that are refused, each with its field; and answers that say what the model says.

use std::collections::BTreeMap;

use model::EndpointPatch;
use model::channel::Channel;
use model::cluster::NodeInfo;
use model::endpoint::{Location, UserLink};
use model::plan::Scope;
use model::reading::GivenAddress;
use model::{Content, Destination, EndpointId, GroupId, MessageId, Timestamp};
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::error::InvalidField;
use crate::stored::tests::strategies as any_of;
use crate::{FILE_DESCRIPTOR_SET, v1};

fn says<T: std::fmt::Debug>(result: Result<T, InvalidField>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn content_comes_back(content in any_of::content()) {
        prop_assert_eq!(Content::try_from(v1::Content::from(content.clone())), Ok(content));
    }

    #[test]
    fn a_node_comes_back(node in any_of::node(), host in "[a-z0-9][a-z0-9.-]{0,20}", port in 1_u16..) {
        let id = model::NodeId(node.id.0.max(1));
        let (peer, grpc) = (format!("{host}:{port}"), format!("[::1]:{port}"));
        let node = NodeInfo { id, rest_url: format!("https://{host}/base"), peer, grpc, ..node };
        prop_assert_eq!(NodeInfo::try_from(v1::NodeInfo::from(node.clone())), Ok(node));
    }

    #[test]
    fn an_endpoint_is_answered_as_it_is_stored(endpoint in any_of::endpoint()) {
        let answer = v1::Endpoint::from(endpoint.clone());
        prop_assert_eq!(parse_app_id(&answer.app_id, "app_id"), Ok(endpoint.app));
        prop_assert_eq!(&answer.endpoint_id, endpoint.id.as_str());
        prop_assert_eq!(answer.address.is_some(), endpoint.target.is_some());
        prop_assert_eq!(answer.channel != 0, endpoint.target.is_some());
        prop_assert_eq!(parse_values(answer.attributes), endpoint.attributes);
        prop_assert_eq!(answer.metrics.len(), endpoint.metrics.len());
        prop_assert_eq!(answer.user_id, endpoint.user.map(|user| user.to_string()));
    }

    #[test]
    fn a_message_is_answered_as_it_is_stored(message in any_of::message(), progress in any_of::progress()) {
        let answer = v1::Message::from(message.clone());
        prop_assert_eq!(parse_message_id(&answer.message_id, "message_id"), Ok(message.id));
        prop_assert_eq!(parse_channel(answer.channel, "channel"), Ok(message.channel));
        prop_assert_eq!(parse_class(answer.class, "class"), Ok(Some(message.class)));
        prop_assert_eq!((answer.context, answer.expires_ms), (message.context, message.expires.0));
        let answer = v1::Progress::from(progress.clone());
        prop_assert_eq!(answer.region, progress.region.as_str());
        prop_assert_eq!(answer.claimed_by_node, progress.claim.map(|claim| claim.node.0));
        prop_assert_eq!((answer.attempts, answer.detail), (progress.attempts, progress.detail));
    }

    #[test]
    fn an_event_carries_its_place(event in any_of::event(), sequence in any::<u64>()) {
        let record = v1::EventRecord::from((sequence, event.clone()));
        prop_assert_eq!((record.group, record.sequence), (u32::from(event.message.group().0), sequence));
        prop_assert_eq!(record.event.unwrap().detail, event.detail);
    }

    #[test]
    fn a_plan_is_answered_as_it_was_committed(plan in any_of::plan()) {
        let answer = v1::TrafficPlan::from(plan.clone());
        prop_assert_eq!((answer.epoch, answer.parent_epoch), (plan.epoch.0, plan.parent.0));
        prop_assert_eq!(answer.regions.len(), plan.regions.len());
        prop_assert_eq!(answer.channel_weights.len(), plan.channel_weights.len());
        prop_assert_eq!(answer.scopes.len(), plan.scopes.len());
        prop_assert_eq!(answer.diverted.len(), plan.diverted.len());
        let frozen: Vec<_> = answer.frozen.into_iter().map(|part| parse_frozen(Some(part))).collect();
        prop_assert_eq!(frozen, plan.frozen.into_iter().map(Ok).collect::<Vec<_>>());
        let shares = parse_weights(answer.weights);
        let allowed = plan.weights.values().all(|weight| *weight <= model::plan::WEIGHT_MAX);
        prop_assert_eq!(shares.ok(), allowed.then_some(plan.weights));
    }

    #[test]
    fn accounting_keeps_its_columns(accounting in any_of::accounting()) {
        let answer = v1::AccountingTotals::from(accounting);
        let counts = [answer.accepted, answer.delivered, answer.failed, answer.opted_out, answer.expired, answer.held];
        prop_assert_eq!(counts, [
            accounting.accepted, accounting.delivered, accounting.failed, accounting.opted_out, accounting.expired, accounting.held,
        ]);
        prop_assert_eq!(answer.pending, accounting.pending);
    }
}

#[test]
fn a_scope_is_a_destination_on_a_channel_or_an_app() {
    let (sms, app) = (v1::Channel::Sms as i32, model::AppId(7));
    let scope = |channel, destination: &str, app_id: &str| {
        let (destination, app_id) = (destination.to_owned(), app_id.to_owned());
        parse_scope(&v1::ShiftPartRequest { channel, destination, app_id, ..Default::default() })
    };
    let british = Scope::Destination(Channel::Sms, Destination::named("+44"));
    assert_eq!(scope(sms, "+44", ""), Ok(british));
    assert_eq!(scope(0, "", &app.to_string()), Ok(Scope::App(app)));
    let no_app = "app_id: an application id must be 32 lower-case hexadecimal digits";
    says(scope(0, "", ""), no_app);
    says(scope(0, "", "x"), no_app);
    says(scope(0, "+44", ""), "channel: is required");
    says(scope(99, "+44", ""), "channel: 99 is no value of Channel");
    says(scope(sms, "", &app.to_string()), "app_id: goes with neither a channel nor a destination");
    let no_code = "is neither a calling code such as +44 nor a mailbox domain in lower case such as example.com";
    says(scope(sms, "+4", ""), &format!("destination: \"+4\" {no_code}"));
    says(scope(sms, "", ""), &format!("destination: \"\" {no_code}"));
}

#[test]
fn ids_that_are_none_are_refused() {
    let hex = "must be 32 lower-case hexadecimal digits";
    says(parse_app_id("", "app_id"), &format!("app_id: an application id {hex}"));
    says(parse_message_id("ABC", "message_id"), &format!("message_id: a message id {hex}"));
    says(parse_request_id("1", "request_id"), &format!("request_id: a request id {hex}"));
    assert_eq!(parse_request_id("", "request_id"), Ok(None));
    says(parse_endpoint_id("a{b", "endpoint_id"), "endpoint_id: an endpoint id may not contain '{'");
    assert_eq!(parse_endpoint_id("Ab", "endpoint_id"), Ok(EndpointId::new("ab").unwrap()));
    says(parse_region("", "region"), "region: a region must have 1 to 32 characters, found 0");
    let id = MessageId::new(GroupId(1), Timestamp(2), 3);
    assert_eq!(parse_message_id(&id.to_string(), "message_id"), Ok(id));
}

#[test]
fn numbers_of_enums_that_stand_for_nothing_are_refused() {
    says(parse_channel(0, "channel"), "channel: is required");
    says(parse_channel(77, "channel"), "channel: 77 is no value of Channel");
    says(parse_class(3, "class"), "class: 3 is no value of Class");
    assert_eq!(parse_class(0, "class"), Ok(None));
    says(parse_resolution(0, "resolution"), "resolution: is required");
    says(parse_source(6, "source"), "source: 6 is no value of OptOutSource");
    assert_eq!(parse_source(0, "source"), Ok(model::opt_out::OptOutSource::Request));
}

#[test]
fn content_without_a_kind_or_purpose_is_refused() {
    says(Content::try_from(v1::Content { content: None }), "content: is required");
    let sms = v1::content::Content::Sms(v1::SmsContent { text: "hi".into(), ..Default::default() });
    says(Content::try_from(v1::Content { content: Some(sms) }), "sms.purpose: is required");
}

#[test]
fn nodes_without_an_address_are_refused() {
    let node = v1::NodeInfo {
        node_id: 4,
        region: "eu-west-1".into(),
        kind: v1::RegionKind::Serving.into(),
        peer_address: "10.0.0.4:4401".into(),
        grpc_address: "10.0.0.4:4201".into(),
        rest_url: "http://10.0.0.4:4101".into(),
    };
    assert!(NodeInfo::try_from(node.clone()).is_ok());
    says(NodeInfo::try_from(v1::NodeInfo { node_id: 0, ..node.clone() }), "node_id: is required");
    says(NodeInfo::try_from(v1::NodeInfo { kind: 0, ..node.clone() }), "kind: is required");
    says(NodeInfo::try_from(v1::NodeInfo { peer_address: String::new(), ..node.clone() }), "peer_address: is required");
    for bad in ["x", "x:0", "x:y", "http://x:1", "x y:1"] {
        let said = NodeInfo::try_from(v1::NodeInfo { peer_address: bad.into(), ..node.clone() }).unwrap_err();
        assert_eq!(said.path, "peer_address", "{bad}");
    }
    for bad in ["x:1", "ftp://x:1", "http://", "http://x y", "http://x:0/"] {
        let said = NodeInfo::try_from(v1::NodeInfo { rest_url: bad.into(), ..node.clone() }).unwrap_err();
        assert_eq!(said.path, "rest_url", "{bad}");
    }
    let without_rest = v1::NodeInfo { rest_url: String::new(), ..node.clone() };
    says(NodeInfo::try_from(without_rest.clone()), "rest_url: is required");
    let witness = v1::NodeInfo { kind: v1::RegionKind::Witness.into(), ..without_rest };
    assert!(NodeInfo::try_from(witness).is_ok());
    let reason = "region: a region may not contain 'E'";
    says(NodeInfo::try_from(v1::NodeInfo { region: "Eu".into(), ..node }), reason);
}

#[test]
fn places_off_the_earth_are_refused_and_others_rounded() {
    let at = |latitude, longitude| v1::Location { latitude: Some(latitude), longitude, ..Default::default() };
    says(Location::try_from(at(90.1, None)), "latitude: must be between -90 and 90 degrees");
    says(Location::try_from(at(0.0, Some(-181.0))), "longitude: must be between -180 and 180 degrees");
    says(Location::try_from(at(f64::NAN, None)), "latitude: must be a finite number");
    let seattle = Location::try_from(at(47.6062, Some(-122.3321))).unwrap();
    assert_eq!((seattle.latitude_tenths, seattle.longitude_tenths), (Some(476), Some(-1_223)));
    assert_eq!(v1::Location::from(seattle).longitude, Some(-122.3));
}

#[test]
fn a_change_of_an_endpoint_is_parsed_member_by_member() {
    use v1::endpoint_patch::User;
    let user = |user| v1::EndpointPatch { user: Some(user), ..Default::default() };
    let link = |patch| EndpointPatch::try_from(patch).unwrap().user;
    assert_eq!(link(user(User::NoUser(true))), Some(UserLink::Nobody));
    assert_eq!(link(user(User::NoUser(false))), None);
    let reason = "user_id: a user id must have 1 to 256 characters, found 0";
    says(EndpointPatch::try_from(user(User::UserId(String::new()))), reason);
    let metrics = BTreeMap::from([("load".to_owned(), f64::INFINITY)]);
    let patch = v1::EndpointPatch { metrics, ..Default::default() };
    says(EndpointPatch::try_from(patch), "metrics[\"load\"]: must be a finite number");
    let location = Some(v1::Location { latitude: Some(-91.0), ..Default::default() });
    let patch = v1::EndpointPatch { location, ..Default::default() };
    says(EndpointPatch::try_from(patch), "location.latitude: must be between -90 and 90 degrees");
    let patch = v1::EndpointPatch { status: 3, ..Default::default() };
    says(EndpointPatch::try_from(patch), "status: 3 is no value of EndpointStatus");
    let patch = v1::EndpointPatch { channel: 2, address: Some("+12065550100".into()), ..Default::default() };
    let address = Some(GivenAddress::unread("+12065550100".into()));
    let expected = EndpointPatch { channel: Some(Channel::Sms), address, ..EndpointPatch::default() };
    assert_eq!(EndpointPatch::try_from(patch), Ok(expected));
}

#[test]
fn shares_and_channels_that_are_not_given_are_refused() {
    says(parse_weights(None), "weights: is required");
    let weights = |name: &str, weight| Some(v1::Weights { weights: [(name.to_owned(), weight)].into() });
    says(parse_weights(weights("a", 1_000_001)), "weights[\"a\"]: 1000001 is over the largest value, 1000000");
    says(parse_weights(weights("A", 1)), "weights: a region may not contain 'A'");
    says(parse_channel_detail(None), "detail: is required");
    let custom = v1::put_channel_request::Detail::Custom(v1::CustomChannel {});
    assert_eq!(parse_channel_detail(Some(custom)).unwrap().0, Channel::Custom);
}

#[test]
fn contents_go_through_their_channel() {
    let custom = Content::Custom { data: String::new() };
    let raw = Content::RawEmail { data: Vec::new(), from: None };
    assert_eq!((channel_of(&custom), channel_of(&raw)), (Channel::Custom, Channel::Email));
}

#[test]
fn reflection_shows_the_public_api_alone() {
    /// The part of a `FileDescriptorSet` that this test reads.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Files {
        #[prost(message, repeated, tag = "1")]
        files: Vec<File>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct File {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        package: String,
    }
    let set = Files::decode(FILE_DESCRIPTOR_SET).unwrap();
    assert!(set.files.iter().all(|file| file.package == "signalbox.v1"));
    let names: Vec<&str> = set.files.iter().filter_map(|file| file.name.strip_prefix("signalbox/v1/")).collect();
    for name in ["accounting", "apps", "cluster", "common", "endpoints", "messages", "opt_outs", "traffic"] {
        assert!(names.contains(&format!("{name}.proto").as_str()), "{name} in {names:?}");
    }
}
