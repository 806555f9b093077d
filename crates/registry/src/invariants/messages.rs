//! Rules of messages: each is in one place, and counted once.

use std::collections::{BTreeMap, BTreeSet};

use model::accounting::Accounting;
use model::event::EventKind;
use model::id::{AppId, BodyId, Incarnation, MessageId, NodeId, RegionId};
use model::message::{Class, Progress, Status};
use model::rows::OutboxRow;
use model::time::Timestamp;

use super::broken::{Broken, all, hold};
use crate::tables::{
    AccountingOf, Bodies, Claims, Events, Expiries, Held, Messages, Meta, Outbox, ProgressOf, Retirements, RowAccess,
    TableError, TraceAges, Traces, View,
};

/// The accounting closes, and counts what is there: exactly for messages that wait or are held; at least for settled
/// ones, because retired messages stay counted.
pub(super) fn invariant_accounting<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_accounting";
    let mut counted: BTreeMap<AppId, Accounting> = BTreeMap::new();
    for (id, progress) in progresses(view)? {
        let app = view.promised_row::<Messages>(&id)?.app;
        *counted.entry(app).or_default().of(progress.status) += 1;
    }
    let stored: BTreeMap<AppId, Accounting> = all::<AccountingOf>(view, &AppId(0))?.into_iter().collect();
    hold(rule, counted.keys().all(|app| stored.contains_key(app)), || {
        "an app has messages and no accounting".to_owned()
    })?;
    for (app, accounting) in stored {
        let found = counted.get(&app).copied().unwrap_or_default();
        let fits = accounting.invariant_closed()
            && accounting.pending == found.pending
            && accounting.held == found.held
            && accounting.delivered >= found.delivered
            && accounting.failed >= found.failed
            && accounting.opted_out >= found.opted_out
            && accounting.expired >= found.expired;
        hold(rule, fits, || format!("app {app} has {accounting:?}, counted {found:?}"))?;
    }
    Ok(())
}

/// Every waiting message has exactly its row in the outbox, and no other message has one.
pub(super) fn invariant_outbox<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let mut expected = BTreeMap::new();
    for (id, progress) in progresses(view)?.into_iter().filter(|(_, progress)| progress.status == Status::Waiting) {
        let message = view.promised_row::<Messages>(&id)?;
        let row = OutboxRow {
            channel: message.channel,
            class: message.class,
            attempts: progress.attempts,
            expires: message.expires,
        };
        expected.insert((progress.region, progress.due, id), row);
    }
    let first = (RegionId::from_stored(""), Timestamp(0), MessageId(0));
    let found: BTreeMap<_, _> = all::<Outbox>(view, &first)?.into_iter().collect();
    hold("invariant_outbox", found == expected, || format!("found {found:?}, expected {expected:?}"))
}

/// Every waiting message has its row among the expiries, and no other has one.
pub(super) fn invariant_expiries<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let mut expected = BTreeSet::new();
    for (id, _) in progresses(view)?.into_iter().filter(|(_, progress)| progress.status == Status::Waiting) {
        expected.insert((view.promised_row::<Messages>(&id)?.expires, id));
    }
    let found: BTreeSet<_> = keys(all::<Expiries>(view, &(Timestamp(0), MessageId(0)))?);
    hold("invariant_expiries", found == expected, || format!("found {found:?}, expected {expected:?}"))
}

/// The claims are those of the messages; only messages of class `at_most_once` that wait or are held have one.
pub(super) fn invariant_claims<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_claims";
    let mut expected = BTreeSet::new();
    for (id, progress) in progresses(view)? {
        let Some(claim) = progress.claim else {
            continue;
        };
        let class = view.promised_row::<Messages>(&id)?.class;
        let may = !progress.status.is_final() && class == Class::AtMostOnce;
        hold(rule, may, || format!("message {id} is claimed and {}, {class}", progress.status))?;
        expected.insert((claim.node, claim.incarnation, id));
    }
    let found: BTreeSet<_> = keys(all::<Claims>(view, &(NodeId(0), Incarnation(0), MessageId(0)))?);
    hold(rule, found == expected, || format!("found {found:?}, expected {expected:?}"))
}

/// What a provider is known to have taken did not end otherwise.
pub(super) fn invariant_taken<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    for (id, progress) in progresses(view)? {
        let taken = progress.has_event(EventKind::Sent) || progress.has_event(EventKind::Delivered);
        let otherwise = progress.status.is_final() && progress.status != Status::Delivered;
        hold("invariant_taken", !(taken && otherwise), || {
            format!("message {id} was taken and is {}", progress.status)
        })?;
    }
    Ok(())
}

/// The held messages are listed, and no others.
pub(super) fn invariant_held<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let mut expected = BTreeSet::new();
    for (id, _) in progresses(view)?.into_iter().filter(|(_, progress)| progress.status == Status::Held) {
        expected.insert((view.promised_row::<Messages>(&id)?.app, id));
    }
    let found: BTreeSet<_> = keys(all::<Held>(view, &(AppId(0), MessageId(0)))?);
    hold("invariant_held", found == expected, || format!("found {found:?}, expected {expected:?}"))
}

/// The settled messages are listed by the time at which they were settled, and no others.
pub(super) fn invariant_retirements<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let expected: BTreeSet<_> = progresses(view)?
        .into_iter()
        .filter(|(_, progress)| progress.status.is_final())
        .map(|(id, progress)| (progress.changed, id))
        .collect();
    let found: BTreeSet<_> = keys(all::<Retirements>(view, &(Timestamp(0), MessageId(0)))?);
    hold("invariant_retirements", found == expected, || format!("found {found:?}, expected {expected:?}"))
}

/// Every trace is listed by age, once.
pub(super) fn invariant_traces<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_traces";
    let ages = all::<TraceAges>(view, &(Timestamp(0), MessageId(0)))?;
    let count = ages.len();
    let aged: BTreeSet<_> = ages.into_iter().map(|((_, id), ())| id).collect();
    let traces: BTreeSet<_> = keys(all::<Traces>(view, &MessageId(0))?);
    hold(rule, aged == traces && aged.len() == count, || format!("listed {aged:?}, found {traces:?}"))
}

/// Every body is referred to by as many messages as it counts, and every message has its body and progress.
pub(super) fn invariant_bodies<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_bodies";
    let mut expected: BTreeMap<(AppId, BodyId), u64> = BTreeMap::new();
    let messages = all::<Messages>(view, &MessageId(0))?;
    for (_, message) in &messages {
        *expected.entry((message.app, message.body)).or_default() += 1;
    }
    let found: BTreeMap<_, _> =
        all::<Bodies>(view, &(AppId(0), BodyId(0)))?.into_iter().map(|(key, body)| (key, body.references)).collect();
    hold(rule, found == expected, || format!("found {found:?}, expected {expected:?}"))?;
    let messages: BTreeSet<_> = keys(messages);
    let progresses: BTreeSet<_> = keys(progresses(view)?);
    hold(rule, messages == progresses, || "messages and progress do not pair".to_owned())
}

/// Every event belongs to a message that is there and knows it, under a number that was given.
pub(super) fn invariant_events<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_events";
    let last = view.row::<Meta>(&())?.unwrap_or_default().events;
    let events = all::<Events>(view, &0)?;
    hold(rule, events.iter().all(|(number, _)| (1..=last).contains(number)), || format!("an event is past {last}"))?;
    let expected: BTreeSet<_> = events.into_iter().map(|(number, event)| (event.message, number, event.kind)).collect();
    let mut found = BTreeSet::new();
    for (message, progress) in progresses(view)? {
        found.extend(progress.events.into_iter().map(|event| (message, event.number, event.kind)));
    }
    hold(rule, found == expected, || format!("found {found:?}, expected {expected:?}"))
}

fn progresses<V: View + ?Sized>(view: &V) -> Result<Vec<(MessageId, Progress)>, TableError> {
    all::<ProgressOf>(view, &MessageId(0))
}

fn keys<K: Ord, R>(rows: Vec<(K, R)>) -> BTreeSet<K> {
    rows.into_iter().map(|(key, _)| key).collect()
}
