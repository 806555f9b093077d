//! P3 and the days in which everything slept: what was settled long enough ago is gone with all that belongs to it, and
//! nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use model::id::MessageId;
use model::message::{Class, Progress, Status};

use super::evidence::Evidence;
use crate::sim::faults::Tick;
use crate::sim::history::Slept;

/// For how long before everything slept something may have been settled that no replica had applied.
const UNDER_WAY_MS: Tick = 5_000;

/// P3: a message that was asked for, or dispatched, after everything slept isn't retired, nor one that was held then
/// and of which nobody had begun to say more.
pub fn retired_only_when_old(evidence: &Evidence<'_>) -> Vec<String> {
    let Some(slept) = &evidence.records.slept else { return Vec::new() };
    let asked = evidence.accepted().filter(|(_, from)| *from > slept.at).map(|(message, _)| message);
    let dispatches = &evidence.records.dispatches;
    let dispatched = dispatches.iter().filter(|dispatch| dispatch.from > slept.at).map(|dispatch| dispatch.message);
    let busy = dispatches.iter().filter(|dispatch| dispatch.from + UNDER_WAY_MS > slept.at);
    let busy: BTreeSet<MessageId> = busy.map(|dispatch| dispatch.message).collect();
    let held = slept
        .messages
        .iter()
        .filter(|(message, (_, progress))| progress.status == Status::Held && !busy.contains(*message));
    let young: BTreeSet<MessageId> = asked.chain(dispatched).chain(held.map(|(message, _)| *message)).collect();
    let mut found = Vec::new();
    for (region, replica) in evidence.replicas {
        let gone = young.iter().filter(|message| !replica.messages.contains_key(message));
        found.extend(gone.map(|message| format!("{region} doesn't know {message}, which wasn't old enough to go")));
    }
    found
}

/// Where everything slept, something was settled before, and went. What stays is what the tables themselves call too
/// young: that nothing older is left is a part of coming to rest.
pub fn what_is_old_is_retired(evidence: &Evidence<'_>) -> Vec<String> {
    let Some(slept) = &evidence.records.slept else { return Vec::new() };
    let mut replicas = evidence.replicas.iter();
    let all = replicas.find(|(_, replica)| slept.messages.keys().all(|message| replica.messages.contains_key(message)));
    all.map(|(region, _)| format!("{region} still has all {} messages of before", slept.messages.len()))
        .into_iter()
        .collect()
}

/// Says whether a message that was accepted may be gone: it was accepted before everything slept.
pub(super) fn may_be_gone(evidence: &Evidence<'_>, asked: Tick) -> bool {
    evidence.records.slept.as_ref().is_some_and(|slept| asked <= slept.at)
}

/// Returns all messages that are known, how far they got in each region: those that are there, and those that were
/// before everything slept and were retired.
pub(super) fn known<'a>(evidence: &'a Evidence<'_>) -> BTreeMap<MessageId, Vec<&'a (Class, Progress)>> {
    let mut known: BTreeMap<MessageId, Vec<&(Class, Progress)>> = BTreeMap::new();
    for (message, state) in evidence.replicas.values().flat_map(|replica| &replica.messages) {
        known.entry(*message).or_default().push(state);
    }
    let before = evidence.records.slept.iter().flat_map(|Slept { messages, .. }| messages);
    for (message, state) in before {
        known.entry(*message).or_insert_with(|| vec![state]);
    }
    known
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
