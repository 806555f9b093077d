//! What answers look like, as text and as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wire::v1;

use super::*;
use crate::console::View;

const TIME_MS: u64 = 1_700_000_000_123;

#[test]
fn accounting() {
    let accounting =
        v1::AccountingTotals { accepted: 10, delivered: 6, failed: 1, opted_out: 1, expired: 0, held: 1, pending: 1 };
    let groups = vec![v1::GroupAccounting { group: 2, totals: Some(accounting) }];
    let apps = vec![v1::AppAccounting { app_id: "a1".to_owned(), groups, sum: Some(accounting) }];
    let view = AccountingView::from(v1::GetAccountingResponse { apps, sum: Some(accounting) });
    let counts =
        json!({"accepted": 10, "delivered": 6, "failed": 1, "opted_out": 1, "expired": 0, "held": 1, "pending": 1});
    let mut group = counts.clone();
    group["group"] = json!(2);
    let expected = json!({"total": counts, "apps": [{"app_id": "a1", "total": counts, "groups": [group]}]});
    assert_eq!(as_json(&view), expected);
    let expected = "\
APP    ACCEPTED  DELIVERED  FAILED  OPTED OUT  EXPIRED  HELD  PENDING
a1     10        6          1       1          0        1     1
total  10        6          1       1          0        1     1";
    assert_eq!(view.text(), expected);
}

#[test]
fn the_accounting_of_an_app_without_messages_is_all_zero() {
    let view = AccountingView::from(v1::GetAccountingResponse::default());
    assert_eq!(as_json(&view)["total"]["accepted"], 0);
}

#[test]
fn a_plan() {
    let view = PlanWithAdoptionView::new(plan(), adoption());
    let expected = json!({
        "epoch": 7, "parent_epoch": 6, "mode": "active_active",
        "regions": {"eu-west-1": "active", "us-east-1": "evacuated"},
        "weights": {"eu-west-1": 300, "us-east-1": 700},
        "channel_weights": {"SMS": {"eu-west-1": 1}},
        "scopes": [
            {"app_id": null, "channel": "SMS", "destination": "+44", "weights": {"eu-west-1": 3}},
            {"app_id": "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "channel": null, "destination": null, "weights": {"eu-west-1": 3}},
        ],
        "frozen": ["eu-west-1", "channel SMS"],
        "diverted": [{"channel": "SMS", "destination": "+49", "shares_per_mille": {"eu-west-1": 0}}],
        "reason": "lost", "evidence": {"silent_ms": "1800"}, "principal": null, "automatic": true,
        "time_ms": TIME_MS,
        "adoption": [{"group": 1, "epoch": 7}, {"group": 2, "epoch": 6}],
    });
    assert_eq!(as_json(&view), expected);
    let expected = "\
plan 7 (active_active), made by the cluster itself at 2023-11-14T22:13:20Z: lost
evidence: silent_ms=1800

REGION     STATE      SHARE
eu-west-1  active     all channels 100.0 %, SMS 100.0 %
us-east-1  evacuated  all channels 0.0 %, SMS 0.0 %

SMS to +44: eu-west-1 100.0 %, us-east-1 0.0 %
app 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a: eu-west-1 100.0 %, us-east-1 0.0 %
diverted, SMS to +49: eu-west-1 has 0.0 % of its share
FROZEN, only persons change it: eu-west-1, channel SMS

adopted by 1 of 2 partitions
partition 2 still has plan 6";
    assert_eq!(view.text(), expected);
}

#[test]
fn the_history() {
    let view = HistoryView::from(v1::HistoryResponse { plans: vec![plan()], next_before_epoch: Some(7) });
    let expected = "\
EPOCH  TIME                  BY                  REGIONS                               REASON
7      2023-11-14T22:13:20Z  the cluster itself  eu-west-1=active us-east-1=evacuated  lost

older ones: signalbox traffic history --before 7";
    assert_eq!(view.text(), expected);
    assert_eq!(as_json(&view)["next_before_epoch"], 7);
}

#[test]
fn status() {
    let node = v1::NodeInfo {
        node_id: 3,
        region: "w".to_owned(),
        kind: v1::RegionKind::Witness as i32,
        peer_address: "h:1".to_owned(),
        grpc_address: "h:2".to_owned(),
        rest_url: String::new(),
    };
    let replicas = vec![
        v1::ReplicaStatus { node_id: 2, voter: true, matching_index: Some(9), lag_entries: 0 },
        v1::ReplicaStatus { node_id: 3, voter: false, matching_index: None, lag_entries: 9 },
    ];
    let control = v1::GroupStatus {
        group: 0,
        term: 4,
        last_index: 9,
        committed_index: 9,
        apply_version: 1,
        ..Default::default()
    };
    let first = v1::GroupStatus {
        leader_node_id: Some(1),
        replicas,
        lease_remaining_ms: Some(800),
        group: 1,
        apply_version: 2,
        ..Default::default()
    };
    let own = v1::NodeInfo { node_id: 1, region: "us-east-1".to_owned(), ..node.clone() };
    let region = v1::RegionStatus { region: "w".to_owned(), kind: node.kind, ..Default::default() };
    let view = StatusView::from(v1::StatusResponse {
        node_id: 1,
        region: "us-east-1".to_owned(),
        epoch: 7,
        nodes: vec![
            v1::NodeStatus { node: Some(own), ..Default::default() },
            v1::NodeStatus {
                node: Some(node),
                last_seen_ms_ago: None,
                round_trip_us: Some(81_250),
                build: Some(v1::Build { name: "0.1.0".to_owned(), oldest_version: 1, newest_version: 2 }),
            },
        ],
        regions: vec![region],
        groups: vec![control, first],
        alarms: vec![
            alarm(v1::AlarmSeverity::Warning, "held_messages", "messages"),
            alarm(v1::AlarmSeverity::Critical, "region_lost", "w"),
        ],
    });
    let expected = "\
seen by node 1 in us-east-1; plan 7
ALARM critical region_lost (w): so it is
  to do: mend it
ALARM warning held_messages (messages): so it is
  to do: mend it

REGION  KIND     REACHABLE      PLAN  SHARE  SENDS
w       witness  NOT REACHABLE  -     -      -

NODE  REGION     LAST SEEN  ROUND TRIP  BUILD (VERSIONS)  REST  GRPC  NODE TO NODE
1     us-east-1  itself     -           -                 -     h:2   h:1
3     w          never      81.2 ms     0.1.0 (1-2)       -     h:2   h:1

GROUP    LEADER  TERM  LAST  COMMITTED  APPLIED  LEASE   VERSION  REPLICAS
control  NONE    4     9     9          0        -       1        -
1        1       0     0     0          0        800 ms  2        2, 3 (learner) -9";
    assert_eq!(view.text(), expected);
    let shown = as_json(&view);
    assert_eq!(shown["nodes"][1]["kind"], "witness");
    assert_eq!(shown["nodes"][1]["rest_url"], Value::Null);
    assert_eq!(shown["groups"][1]["replicas"][1]["lag_entries"], 9);
    let expected =
        json!({"severity": "critical", "name": "region_lost", "subject": "w", "text": "so it is", "remedy": "mend it"});
    assert_eq!(shown["alarms"][0], expected);
}

fn alarm(severity: v1::AlarmSeverity, name: &str, subject: &str) -> v1::Alarm {
    let (name, subject) = (name.to_owned(), subject.to_owned());
    v1::Alarm { name, severity: severity as i32, subject, text: "so it is".to_owned(), remedy: "mend it".to_owned() }
}

#[test]
fn a_message() {
    let event = v1::Event {
        kind: v1::EventKind::Sent as i32,
        region: "eu-west-1".to_owned(),
        epoch: 7,
        attempt: 1,
        time_ms: TIME_MS,
        ..Default::default()
    };
    let message = v1::Message {
        message_id: "m1".to_owned(),
        app_id: "a1".to_owned(),
        channel: v1::Channel::Sms as i32,
        address: "+12065550100".to_owned(),
        class: v1::Class::AtMostOnce as i32,
        accepted_ms: TIME_MS,
        expires_ms: TIME_MS + 1_000,
        ..Default::default()
    };
    let view = MessageView::new(message, progress(), vec![event]);
    let expected = "\
message        m1
app            a1
channel        SMS
address        +12065550100
class          at_most_once
accepted       2023-11-14T22:13:20Z
expires        2023-11-14T22:13:21Z
status         delivered in eu-west-1 under plan 7, attempts: 1 (taken)
provider's id  p1

TIME                      EVENT  REGION     EPOCH  ATTEMPT  DETAIL
2023-11-14T22:13:20.123Z  sent   eu-west-1  7      1        -";
    assert_eq!(view.text(), expected);
    let shown = as_json(&view);
    assert_eq!(shown["message_id"], "m1");
    assert_eq!(shown["progress"]["status"], "delivered");
    assert_eq!(shown["events"][0]["kind"], "sent");
    assert_eq!(shown["events"][0].get("sequence"), None);
}

#[test]
fn updates_are_a_line_each() {
    let view = UpdateView::new("m1".to_owned(), progress());
    let expected = "2023-11-14T22:13:20.123Z  m1  delivered in eu-west-1 under plan 7, attempts: 1 (taken)";
    assert_eq!(view.text(), expected);
    assert_eq!(as_json(&view)["message_id"], "m1");
    let event = v1::Event { message_id: "m1".to_owned(), time_ms: TIME_MS, ..Default::default() };
    let view = EventView::placed(event, 2, 113);
    assert_eq!((&as_json(&view)["group"], &as_json(&view)["sequence"]), (&json!(2), &json!(113)));
    assert!(view.text().contains("2=113"), "{}", view.text());
}

#[test]
fn results_of_a_request() {
    let accepted = v1::SendResult {
        status: v1::SendStatus::Accepted as i32,
        message_id: "m1".to_owned(),
        detail: String::new(),
        address: "+1".to_owned(),
    };
    let refused = v1::SendResult {
        status: v1::SendStatus::OptedOut as i32,
        message_id: String::new(),
        detail: "opted out".to_owned(),
        address: "+2".to_owned(),
    };
    let response = v1::SendMessagesResponse { request_id: "r".to_owned(), results: vec![accepted, refused] };
    let view = SendView::from(response);
    assert_eq!((view.message_ids(), view.refused()), (vec!["m1".to_owned()], 1));
    let expected = "\
TO  STATUS     MESSAGE  DETAIL
+1  accepted   m1
+2  opted_out  -        opted out";
    assert_eq!(view.text(), expected);
    assert_eq!(as_json(&view)["results"][1]["message_id"], Value::Null);
}

#[test]
fn channels_show_what_their_kind_has() {
    let email = v1::EmailChannel { from_address: "a@b.c".to_owned(), identity: "arn".to_owned(), ..Default::default() };
    let settings = v1::ChannelSettings {
        channel: v1::Channel::Email as i32,
        enabled: true,
        detail: Some(v1::channel_settings::Detail::Email(email)),
        revision: 1,
        ..Default::default()
    };
    let expected = json!({
        "channel": "EMAIL", "enabled": true, "from_address": "a@b.c", "identity": "arn",
        "created_ms": 0, "modified_ms": 0, "revision": 1,
    });
    assert_eq!(as_json(&ChannelView::from(settings)), expected);
}

#[test]
fn endpoints_leave_out_what_they_lack() {
    let endpoint = v1::Endpoint {
        endpoint_id: "jo".to_owned(),
        display_id: "Jo".to_owned(),
        attributes: BTreeMap::from([("a".to_owned(), v1::Values { values: vec!["b".to_owned(), "c".to_owned()] })]),
        location: Some(v1::Location { latitude: Some(1.5), ..Default::default() }),
        ..Default::default()
    };
    let view = EndpointView::new(endpoint, BTreeMap::new());
    let shown = as_json(&view);
    assert_eq!(shown["channel"], Value::Null);
    assert_eq!(shown["attributes"], json!({"a": ["b", "c"]}));
    assert_eq!(shown["location"], json!({"latitude": 1.5}));
    assert!(view.text().contains("attributes  a=b|c\n"), "{}", view.text());
}

#[test]
fn opt_outs_held_messages_and_apps() {
    let opt_out = v1::OptOut {
        app_id: "a1".to_owned(),
        recipient_key: "tel:+1".to_owned(),
        channel: v1::Channel::Sms as i32,
        source: v1::OptOutSource::Reply as i32,
        time_ms: TIME_MS,
        opt_out_list: String::new(),
    };
    let listed = v1::OptOut { app_id: String::new(), opt_out_list: "Default".to_owned(), ..opt_out.clone() };
    let expected = "\
RECIPIENT  CHANNEL  SOURCE  LIST     SINCE
tel:+1     SMS      reply            2023-11-14T22:13:20Z
tel:+1     SMS      reply   Default  2023-11-14T22:13:20Z";
    assert_eq!(OptOutsView::from(vec![opt_out, listed]).text(), expected);
    assert_eq!(OptOutsView::from(Vec::new()).text(), "no opt-outs");
    assert_eq!(HeldView::from(v1::ListHeldResponse::default()).text(), "no held messages");
    let resolved = ResolvedView { changed: 1, named: 3 };
    assert_eq!(resolved.text(), "resolved: 1; not held: 2");
    let app = v1::App { app_id: "a1".to_owned(), name: "shop".to_owned(), revision: 1, ..Default::default() };
    let expected = json!({"app_id": "a1", "name": "shop", "tags": {}, "created_ms": 0, "revision": 1});
    assert_eq!(as_json(&AppView::from(app)), expected);
}

fn as_json(view: &impl View) -> Value {
    serde_json::to_value(view).unwrap()
}

fn progress() -> v1::Progress {
    v1::Progress {
        status: v1::Status::Delivered as i32,
        region: "eu-west-1".to_owned(),
        epoch: 7,
        attempts: 1,
        provider_id: Some("p1".to_owned()),
        detail: Some("taken".to_owned()),
        changed_ms: TIME_MS,
        ..Default::default()
    }
}

fn plan() -> v1::TrafficPlan {
    let weights = |pairs: &[(&str, u32)]| v1::Weights {
        weights: pairs.iter().map(|(region, weight)| ((*region).to_owned(), *weight)).collect(),
    };
    let sms = v1::ChannelWeights { channel: v1::Channel::Sms as i32, weights: Some(weights(&[("eu-west-1", 1)])) };
    let (channel, app_id) = (v1::Channel::Sms as i32, "0a".repeat(16));
    let shares_per_mille = BTreeMap::from([("eu-west-1".to_owned(), 0)]);
    let diverted = v1::Diverted { channel, destination: "+49".to_owned(), shares_per_mille };
    let own = Some(weights(&[("eu-west-1", 3)]));
    let british =
        v1::ScopeWeights { channel, destination: "+44".to_owned(), weights: own.clone(), ..Default::default() };
    let of_app = v1::ScopeWeights { app_id, weights: own, ..Default::default() };
    v1::TrafficPlan {
        epoch: 7,
        parent_epoch: 6,
        mode: v1::Mode::ActiveActive as i32,
        regions: BTreeMap::from([
            ("eu-west-1".to_owned(), v1::RegionState::Active as i32),
            ("us-east-1".to_owned(), v1::RegionState::Evacuated as i32),
        ]),
        weights: Some(weights(&[("eu-west-1", 300), ("us-east-1", 700)])),
        channel_weights: vec![sms],
        scopes: vec![british, of_app],
        diverted: vec![diverted],
        frozen: vec![
            v1::Frozen { part: Some(v1::frozen::Part::Region("eu-west-1".to_owned())) },
            v1::Frozen { part: Some(v1::frozen::Part::Channel(channel)) },
        ],
        reason: "lost".to_owned(),
        evidence: BTreeMap::from([("silent_ms".to_owned(), "1800".to_owned())]),
        author: Some(v1::traffic_plan::Author::Automatic(true)),
        time_ms: TIME_MS,
    }
}

fn adoption() -> Vec<v1::Adoption> {
    vec![v1::Adoption { group: 1, epoch: 7 }, v1::Adoption { group: 2, epoch: 6 }]
}
