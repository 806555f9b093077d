//! P6 where a line is cut and no region is lost: messages flow around it, leadership settles, and an alarm names the
//! line. Only runs in which nothing else goes wrong can tell.

use std::collections::{BTreeMap, BTreeSet};

use model::EventKind;
use model::id::{GroupId, MessageId};
use model::message::{Class, Status};

use super::evidence::Evidence;
use crate::sim::faults::{Span, Tick};
use crate::sim::layout::name;
use crate::sim::operations::{Answered, Asked, Operation};
use crate::sim::settings::Scene;

/// How long after it was asked for a new message must be dispatched.
const NEW_MAX_MS: Tick = 3_000;
/// How long after a line was cut a message must be dispatched that waited then.
const WAITING_MAX_MS: Tick = 5_000;
/// Where no region hears all others a listener may turn out to be cut off: how long after the line was cut it is not
/// ready any more, and how soon it has answered, to the client that tries three times.
const UNREADY_MS: Tick = 3_300;
const TOLD_UNKNOWN_MAX_MS: Tick = 3 * UNREADY_MS;
/// How long after a line was cut nobody begins to lead any more, and how often somebody may before, in a group.
const SETTLED_MS: Tick = 5_000;
const LEADERSHIPS_MAX: usize = 3;
/// How soon after a line was cut an alarm names it (W, the 2 s that it must last, two looks a second apart, and a
/// report's way), and how long after it was mended it may still be raised.
const TOLD_MAX_MS: Tick = 6_000;

/// Lines that are cut at the same time.
struct Cut<'a> {
    from: Tick,
    to: Tick,
    lines: Vec<&'a Span>,
}

/// P6: what is asked for at a listener that is ready, while a line is cut, is accepted and dispatched within 3 s; where
/// no region hears all others and so the share must shift first, within 5 s of the cut if that is later.
pub fn new_messages_flow(evidence: &Evidence<'_>) -> Vec<String> {
    let first = first_dispatches(evidence);
    let mut found = Vec::new();
    for cut in cuts(evidence) {
        let asked = sends(evidence).filter(|(operation, ready)| *ready && (cut.from..cut.to).contains(&operation.from));
        for (operation, _) in asked {
            let due = match evidence.settings.scene {
                Scene::Crossed => (operation.from + NEW_MAX_MS).max(cut.from + WAITING_MAX_MS),
                _ => operation.from + NEW_MAX_MS,
            };
            if may_be_refused(evidence, &cut, operation) {
                continue;
            }
            if let Some(late) = late(evidence, &first, operation, due) {
                let (node, from) = (name(operation.node), operation.from - cut.from);
                found.push(format!("{}: asked for in {node} {from} ms after: {late}", told(&cut)));
            }
        }
    }
    found
}

/// P6: what was accepted before a line was cut is dispatched within 5 s, and nothing expires by it.
pub fn waiting_messages_flow(evidence: &Evidence<'_>) -> Vec<String> {
    let first = first_dispatches(evidence);
    let mut found = Vec::new();
    for cut in cuts(evidence) {
        for (operation, _) in sends(evidence).filter(|(operation, _)| operation.from < cut.from) {
            let accepted = matches!(operation.answer, Some((at, Answered::Accepted(_))) if at < cut.from);
            let late = late(evidence, &first, operation, cut.from + WAITING_MAX_MS).filter(|_| accepted);
            found.extend(late.map(|late| format!("{}: waited when that began: {late}", told(&cut))));
        }
    }
    let calm = evidence.settings.is_calm();
    for (region, replica) in evidence.replicas.iter().filter(|_| calm) {
        let expired = replica
            .messages
            .iter()
            .filter(|(message, (_, progress))| progress.status == Status::Expired && !may_wait(evidence, **message));
        found.extend(expired.map(|(message, _)| format!("{region}: {message} expired")));
    }
    found
}

/// Leadership moves a few times when a line is cut, and stays as long as that lasts.
pub fn leadership_does_not_wander(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
    // Where shares must shift first, leaders follow them.
    for cut in cuts(evidence).into_iter().filter(|_| evidence.settings.scene == Scene::Lines) {
        let mut begun: BTreeMap<GroupId, Vec<Tick>> = BTreeMap::new();
        for ((group, _, _), at) in &evidence.records.leaderships {
            if (cut.from..cut.to).contains(at) {
                begun.entry(*group).or_default().push(*at - cut.from);
            }
        }
        for (group, after) in begun {
            if after.len() > LEADERSHIPS_MAX || after.iter().any(|after| *after > SETTLED_MS) {
                found.push(format!("{}: group {group} got leaders {after:?} ms after", told(&cut)));
            }
        }
    }
    found
}

/// An alarm names every line that is cut, and none that isn't.
pub fn cut_lines_are_told(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut known: BTreeSet<usize> = BTreeSet::new();
    for cut in cuts(evidence) {
        for subject in cut.lines.iter().filter_map(|span| subject(span)) {
            let alarms = evidence.records.cut_lines.iter().enumerate().filter(|(_, (told, first, last))| {
                *told == subject && *first >= cut.from && *first < cut.to && *last < cut.to + TOLD_MAX_MS
            });
            let places: Vec<(usize, Tick)> = alarms.map(|(place, (_, first, _))| (place, first - cut.from)).collect();
            if places.first().is_none_or(|(_, after)| *after > TOLD_MAX_MS) {
                found.push(format!("{}: alarms named {subject} {places:?} ms after", told(&cut)));
            }
            known.extend(places.iter().map(|(place, _)| *place));
        }
    }
    let calm = evidence.settings.is_calm();
    let alarms = evidence.records.cut_lines.iter().enumerate().filter(|(place, _)| calm && !known.contains(place));
    found.extend(alarms.map(|(_, (told, first, last))| format!("{told} was told to be cut from {first} to {last} ms")));
    found
}

/// Says whether a request was answered in time that it came to a listener which a leader doesn't hear, when that was
/// not known yet: the line had just been cut, or a leadership had moved to its other end while that may happen.
fn may_be_refused(evidence: &Evidence<'_>, cut: &Cut<'_>, operation: &Operation) -> bool {
    let Some((at, Answered::Refused(_) | Answered::Unknown(_))) = &operation.answer else { return false };
    let moves = evidence.records.leaderships.values().filter(|moved| (cut.from..cut.from + SETTLED_MS).contains(moved));
    let last = moves.filter(|moved| *moved <= at).max().copied().unwrap_or(cut.from);
    let not_known = operation.from < last + UNREADY_MS;
    evidence.settings.scene == Scene::Crossed && not_known && *at <= operation.from + TOLD_UNKNOWN_MAX_MS
}

fn cuts<'a>(evidence: &Evidence<'a>) -> Vec<Cut<'a>> {
    let mut cuts: Vec<Cut<'a>> = Vec::new();
    let spans =
        evidence.records.faults.iter().filter(|span| evidence.settings.is_calm() && span.fault.line().is_some());
    for span in spans {
        match cuts.last_mut().filter(|cut| cut.from == span.from) {
            Some(cut) => cut.lines.push(span),
            None => cuts.push(Cut { from: span.from, to: span.to.unwrap_or(Tick::MAX), lines: vec![span] }),
        }
    }
    cuts
}

fn told(cut: &Cut<'_>) -> String {
    let faults: Vec<String> = cut.lines.iter().map(|span| span.fault.to_string()).collect();
    format!("{} at {} ms", faults.join(", "), cut.from)
}

fn subject(span: &Span) -> Option<String> {
    span.fault.line().map(|(a, b)| format!("{} - {}", name(a), name(b)))
}

fn sends<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = (&'a Operation, bool)> {
    evidence.records.operations.iter().filter_map(|operation| match operation.asked {
        Asked::Send { ready, .. } => Some((operation, ready)),
        _ => None,
    })
}

fn first_dispatches(evidence: &Evidence<'_>) -> BTreeMap<MessageId, Tick> {
    let mut first = BTreeMap::new();
    for dispatch in &evidence.records.dispatches {
        first.entry(dispatch.message).or_insert(dispatch.from);
    }
    first
}

/// Says whether a message was opted out; or, where a share shifts, was claimed to be sent once by a sender that then
/// was cut off: nobody but that one knows whether it began (P4).
fn may_wait(evidence: &Evidence<'_>, message: MessageId) -> bool {
    let progress = evidence.replicas.values().filter_map(|replica| replica.messages.get(&message));
    let shifts = evidence.settings.scene == Scene::Crossed;
    progress.into_iter().any(|(class, progress)| {
        let held = || progress.events.iter().any(|event| event.kind == EventKind::Held);
        progress.status == Status::OptedOut || (shifts && *class == Class::AtMostOnce && held())
    })
}

/// Says how late a message was, if it was; nothing of those that may wait.
fn late(
    evidence: &Evidence<'_>,
    first: &BTreeMap<MessageId, Tick>,
    operation: &Operation,
    due: Tick,
) -> Option<String> {
    let from = operation.from;
    let Some((at, answer)) = &operation.answer else { return Some("never answered".to_owned()) };
    let Answered::Accepted(message) = answer else {
        let refused = format!("{answer:?} after {} ms", at - from);
        // Who opted out is refused at once.
        return (*answer != Answered::OptedOut).then_some(refused);
    };
    match first.get(message) {
        _ if may_wait(evidence, *message) => None,
        Some(dispatched) if *dispatched <= due => None,
        Some(dispatched) => Some(format!("{message} was dispatched after {} ms", dispatched - from)),
        None => Some(format!("{message} was never dispatched")),
    }
}
