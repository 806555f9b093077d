//! Planted: ends without a cause.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{AppId, Epoch, NodeId, RegionId, Term};
use model::message::{Class, Progress};
use model::time::Timestamp;

use super::*;
use crate::sim::faults::Fault;
use crate::sim::faults::Span;
use crate::sim::history::Records;
use crate::sim::layout::Layout;
use crate::sim::operations::{By, Operation, Target};
use crate::sim::replica::{Replica, Replicas};
use crate::sim::settings::{Scene, Settings};

const MESSAGE: MessageId = MessageId(7);
const SETTINGS: Settings = Settings { seed: 1, seconds: 1, scene: Scene::Mixed, layout: Layout::Three, broken: None };

fn to(address: &str) -> Recipient {
    Recipient { app: AppId(1), endpoint: None, address: address.to_owned() }
}

fn out(address: &str) -> Asked {
    Asked::OptOut { address: address.to_owned(), by: By::Address }
}

fn operation(asked: Asked, answered: Answered) -> Operation {
    Operation { node: NodeId(1), asked, from: 1_000, answer: Some((1_100, answered)) }
}

/// A message to `x` from 1,000 ms on.
fn sent(until: Option<Tick>) -> Records {
    let asked = Asked::Send { to: to("x"), ready: true, until };
    let mut records = Records::default();
    records.operations.push(operation(asked, Answered::Accepted(MESSAGE)));
    records
}

fn ended(status: Status) -> Replicas {
    let progress = Progress {
        status,
        region: RegionId::from_stored("a"),
        epoch: Epoch(1),
        attempts: 0,
        due: Timestamp(0),
        claim: None,
        provider_id: None,
        detail: None,
        changed: crate::sim::world::true_time().plus(Duration::from_secs(2)),
        events: Vec::new(),
    };
    let replica =
        Replica { messages: BTreeMap::from([(MESSAGE, (Class::AtLeastOnce, progress))]), ..Replica::default() };
    BTreeMap::from([(RegionId::from_stored("a"), replica)])
}

fn found(check: fn(&Evidence<'_>) -> Vec<String>, records: &Records, status: Status) -> usize {
    let replicas = ended(status);
    check(&Evidence { settings: &SETTINGS, records, replicas: &replicas, unsettled: &[], panics: &[], builds: &[] })
        .len()
}

#[test]
fn an_opt_out_that_nobody_asked_for_is_found() {
    let mut records = sent(None);
    assert_eq!(found(opted_out_only_when_asked, &records, Status::OptedOut), 1);
    assert_eq!(found(opted_out_only_when_asked, &records, Status::Delivered), 0);
    records.operations.push(operation(out("y"), Answered::Done));
    assert_eq!(found(opted_out_only_when_asked, &records, Status::OptedOut), 1, "another address");
    let unknown = Answered::Unknown("nobody answered".to_owned());
    records.operations.push(operation(out("x"), unknown));
    assert_eq!(found(opted_out_only_when_asked, &records, Status::OptedOut), 0);
}

#[test]
fn an_end_by_a_deletion_of_something_else_is_found() {
    let deleted = |app| operation(Asked::Delete(Target::App(AppId(app))), Answered::Done);
    let mut records = sent(None);
    records.operations.push(deleted(2));
    assert_eq!(found(opted_out_only_when_asked, &records, Status::OptedOut), 1, "another app");
    records.operations.push(deleted(1));
    assert_eq!(found(opted_out_only_when_asked, &records, Status::OptedOut), 0);
}

#[test]
fn an_expiry_without_a_cause_is_found() {
    assert_eq!(found(expired_only_with_cause, &sent(None), Status::Expired), 1, "it was worth sending for long");
    let mut records = sent(Some(4_000));
    assert_eq!(found(expired_only_with_cause, &records, Status::Expired), 1, "nothing was wrong");
    let span = |from, fault| Span { from, to: Some(from + 500), fault };
    records.faults.push(span(2_000, Fault::WallClock(model::NodeId(1), 3_600_000)));
    records.faults.push(span(5_000, Fault::CrashAll));
    assert_eq!(found(expired_only_with_cause, &records, Status::Expired), 1, "a clock, and a fault that came later");
    let (away, ends) = (Fault::Crash(NodeId(2)), 2_500);
    records.faults.push(span(ends - 500, away));
    assert_eq!(found(expired_only_with_cause, &records, Status::Expired), 1, "a node that has nothing to do with it");
    let led = records.clone();
    records.faults.push(span(ends - 500, Fault::Crash(NodeId(1))));
    assert_eq!(found(expired_only_with_cause, &records, Status::Expired), 0, "the node that had it");
    records = led;
    records.leaderships.insert((MESSAGE.group(), NodeId(2), Term(1)), 500);
    assert_eq!(found(expired_only_with_cause, &records, Status::Expired), 0, "its group's leader");
    records.leaderships.remove(&(MESSAGE.group(), NodeId(2), Term(1)));
    records.faults.push(span(ends - 300, Fault::Isolate(NodeId(3))));
    assert_eq!(found(expired_only_with_cause, &records, Status::Expired), 0, "two nodes at once");
}

#[test]
fn what_was_wrong_long_before_is_no_cause() {
    let mut records = sent(Some(24_000));
    records.operations[0].from = 21_000;
    let crash = |from| Span { from, to: Some(from + 500), fault: Fault::Crash(NodeId(1)) };
    records.faults.push(crash(13_000));
    assert_eq!(found(expired_only_with_cause, &records, Status::Expired), 1, "7.34 s before, at these round trips");
    records.faults.push(crash(13_500));
    assert_eq!(found(expired_only_with_cause, &records, Status::Expired), 0);
}
