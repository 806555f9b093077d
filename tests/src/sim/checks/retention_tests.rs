//! Planted: messages that went too early, or not at all.

use model::id::{AppId, Epoch, Incarnation, NodeId, RegionId};
use model::time::Timestamp;

use super::*;
use crate::sim::history::Records;
use crate::sim::layout::Layout;
use crate::sim::operations::{Answered, Asked, Dispatch, Operation, Recipient};
use crate::sim::replica::{Replica, Replicas};
use crate::sim::settings::{Scene, Settings};

const MESSAGE: MessageId = MessageId(7);
const SLEPT_AT: Tick = 20_000;
const SETTINGS: Settings =
    Settings { seed: 1, seconds: 1, scene: Scene::Retention, layout: Layout::Three, broken: None };

fn state(status: Status) -> (Class, Progress) {
    let progress = Progress {
        status,
        region: RegionId::from_stored("a"),
        epoch: Epoch(1),
        attempts: 1,
        due: Timestamp(0),
        claim: None,
        provider_id: None,
        detail: None,
        changed: Timestamp(0),
        events: Vec::new(),
    };
    (Class::AtMostOnce, progress)
}

fn to() -> Recipient {
    Recipient { app: AppId(1), endpoint: None, address: "x".to_owned() }
}

/// Everything slept at 20,000 ms; a message was asked for at a time, and stood so then.
fn records(asked_at: Tick, status: Status) -> Records {
    let asked = Asked::Send { to: to(), ready: true, until: None };
    let answer = Some((asked_at + 100, Answered::Accepted(MESSAGE)));
    let messages = BTreeMap::from([(MESSAGE, state(status))]);
    let mut records = Records::default();
    records.slept = Some(Slept { at: SLEPT_AT, messages });
    records.operations.push(Operation { node: NodeId(1), asked, from: asked_at, answer });
    records
}

fn dispatched(mut records: Records, from: Tick) -> Records {
    records.dispatches.push(Dispatch {
        node: NodeId(1),
        incarnation: Incarnation(1),
        message: MESSAGE,
        class: Class::AtMostOnce,
        attempt: 1,
        epoch: Epoch(1),
        to: to(),
        from,
        reply: None,
    });
    records
}

fn found(check: fn(&Evidence<'_>) -> Vec<String>, records: &Records, is_there: bool) -> usize {
    let mut replica = Replica::default();
    replica.messages.extend(is_there.then(|| (MESSAGE, state(Status::Held))));
    let replicas = Replicas::from([(RegionId::from_stored("a"), replica)]);
    let evidence =
        Evidence { settings: &SETTINGS, records, replicas: &replicas, unsettled: &[], panics: &[], builds: &[] };
    check(&evidence).len()
}

#[test]
fn what_went_too_early_is_found() {
    let gone = |records: &Records| found(retired_only_when_old, records, false);
    assert_eq!(gone(&records(1_000, Status::Delivered)), 0, "settled before");
    assert_eq!(gone(&records(SLEPT_AT + 1, Status::Delivered)), 1, "asked for after");
    assert_eq!(gone(&dispatched(records(1_000, Status::Waiting), SLEPT_AT + 1)), 1, "dispatched after");
    assert_eq!(gone(&records(1_000, Status::Held)), 1, "held then");
    assert_eq!(gone(&dispatched(records(1_000, Status::Held), SLEPT_AT - 10)), 0, "its end was on its way");
    assert_eq!(found(retired_only_when_old, &records(1_000, Status::Held), true), 0);
    assert_eq!(gone(&Records::default()), 0, "nothing slept");
}

#[test]
fn what_never_goes_is_found() {
    assert_eq!(found(what_is_old_is_retired, &records(1_000, Status::Delivered), true), 1);
    assert_eq!(found(what_is_old_is_retired, &records(1_000, Status::Delivered), false), 0);
}

#[test]
fn what_is_gone_is_known_as_it_was() {
    let records = records(1_000, Status::Failed);
    let replicas = Replicas::from([(RegionId::from_stored("a"), Replica::default())]);
    let evidence = Evidence {
        settings: &SETTINGS,
        records: &records,
        replicas: &replicas,
        unsettled: &[],
        panics: &[],
        builds: &[],
    };
    let known: Vec<Status> = known(&evidence)[&MESSAGE].iter().map(|(_, progress)| progress.status).collect();
    assert_eq!(known, [Status::Failed]);
}
