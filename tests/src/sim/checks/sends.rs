//! P3 and P4: an accepted message is never lost, and how often it is dispatched.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{MessageId, NodeId};
use model::message::{Class, Status};

use super::evidence::Evidence;
use super::retention::{known, may_be_gone};
use crate::sim::faults::Tick;
use crate::sim::layout::{name, region};
use crate::sim::operations::{Answered, Asked, Dispatch, Reply};

/// How many messages may have been accepted of which no replica knew yet when everything slept.
const UNSEEN_MAX: u64 = 20;

/// P3: every message that a client was told is accepted is there at the end, in every region, unless it may be retired.
pub fn accepted_messages_are_kept(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (region, replica) in evidence.replicas {
        for (message, asked) in evidence.accepted() {
            if !replica.messages.contains_key(&message) && !may_be_gone(evidence, asked) {
                found.push(format!("{region} doesn't know {message}, which was accepted"));
            }
        }
    }
    found
}

/// P3: accepted = delivered + failed + opted out + expired + held + pending, in every region; and as many were accepted
/// as clients were told, or are without a final word: each once, but twice where its answer to a request may have been
/// forgotten when that was asked again. As many are there, and those that were retired.
pub fn accounting_closes(evidence: &Evidence<'_>) -> Vec<String> {
    let told = accepted(evidence).len() as u64;
    let open = evidence.records.operations.iter().filter(|operation| {
        let unknown = matches!(operation.answer, None | Some((_, Answered::Unknown(_))));
        matches!(operation.asked, Asked::Send { .. }) && unknown
    });
    let most = told + open.count() as u64 + asked_again(evidence);
    let gone_max = evidence.records.slept.as_ref().map_or(0, |slept| slept.messages.len() as u64) + UNSEEN_MAX;
    let gone = ..=if evidence.records.slept.is_some() { gone_max } else { 0 };
    let mut found = Vec::new();
    for (region, replica) in evidence.replicas {
        let accounting = replica.accounting;
        if !accounting.invariant_closed() {
            found.push(format!("{region}: {accounting:?}"));
        }
        if !(told..=most).contains(&accounting.accepted) {
            let accepted = accounting.accepted;
            found.push(format!("{region} accepted {accepted} messages, clients know of {told} to {most}"));
        }
        if !accounting.accepted.checked_sub(replica.messages.len() as u64).is_some_and(|are| gone.contains(&are)) {
            found.push(format!("{region} counts {} messages and has {}", accounting.accepted, replica.messages.len()));
        }
    }
    found
}

/// P3 and liveness: after everything is healed, clients are answered, every accepted message comes to a final status or
/// is held, every replica gets as far as the others, and every partition goes by the newest plan.
pub fn everything_comes_to_rest(evidence: &Evidence<'_>) -> Vec<String> {
    evidence.unsettled.to_vec()
}

/// P4: a message of class `at_most_once` is dispatched again only when the provider certainly didn't take it.
pub fn at_most_once(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (message, dispatches) in by_message(evidence, Class::AtMostOnce) {
        for pair in dispatches.windows(2) {
            let refused = pair[0].reply.is_some_and(|(at, reply)| reply == Reply::NotNow && at <= pair[1].from);
            if !refused {
                found.push(format!(
                    "{message} was dispatched by {} at {} ms ({:?}) and again by {} at {} ms",
                    name(pair[0].node),
                    pair[0].from,
                    pair[0].reply,
                    name(pair[1].node),
                    pair[1].from
                ));
            }
        }
    }
    found
}

/// P4: a message of class `at_least_once` that is called delivered was taken, and one that was neither forbidden nor
/// expired was dispatched; of class `at_most_once`, none is called delivered that was not taken.
pub fn at_least_once(evidence: &Evidence<'_>) -> Vec<String> {
    let replies = |message| {
        let of = evidence.records.dispatches.iter().filter(move |dispatch| dispatch.message == message);
        of.map(|dispatch| dispatch.reply.map(|(_, reply)| reply)).collect::<Vec<_>>()
    };
    let mut found = BTreeSet::new();
    for (message, states) in known(evidence) {
        let replies = replies(message);
        for (class, progress) in states {
            let fits = match progress.status {
                Status::Delivered => replies.contains(&Some(Reply::Accepted)),
                Status::Failed => !replies.is_empty(),
                Status::Held => *class == Class::AtMostOnce,
                Status::Waiting | Status::OptedOut | Status::Expired => true,
            };
            if !fits {
                found.insert(format!("{message} ({class}) is called {}, the provider: {replies:?}", progress.status));
            }
        }
    }
    found.into_iter().collect()
}

/// P4: a message of class `at_least_once` that the provider took is dispatched again only if the node that held it
/// stopped or was cut off in between.
pub fn twice_only_when_cut_off(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (message, dispatches) in by_message(evidence, Class::AtLeastOnce) {
        for (place, first) in dispatches.iter().enumerate() {
            let taken = matches!(first.reply, Some((_, Reply::Accepted)));
            let Some(second) = dispatches.get(place + 1).filter(|_| taken) else { continue };
            if !was_cut_off(evidence, first.node, first.from, second.from) {
                found.push(format!(
                    "{message} was taken from {} at {} ms and dispatched again by {} at {} ms, and nothing was wrong",
                    name(first.node),
                    first.from,
                    name(second.node),
                    second.from
                ));
            }
        }
    }
    found
}

/// P4: a message is held only when its last dispatch began, whatever was killed or cut off. Of what a machine that lost
/// power had claimed nobody knows.
pub fn held_only_what_began(evidence: &Evidence<'_>) -> Vec<String> {
    let began: BTreeSet<(MessageId, u32)> =
        evidence.records.dispatches.iter().map(|dispatch| (dispatch.message, dispatch.attempt)).collect();
    let asked: BTreeMap<MessageId, Tick> = evidence.accepted().collect();
    let mut found = BTreeMap::new();
    let states =
        known(evidence).into_iter().flat_map(|(message, states)| states.into_iter().map(move |of| (message, of)));
    for (message, (_, progress)) in states {
        let from = asked.get(&message).copied().unwrap_or_default();
        let mut losses = evidence.records.power_losses.iter();
        let forgotten = losses.any(|(at, node)| {
            let claimed = progress.claim.map_or(region(*node) == progress.region, |claim| claim.node == *node);
            claimed && *at >= from
        });
        if progress.status == Status::Held && !forgotten && !began.contains(&(message, progress.attempts)) {
            let detail = progress.detail.as_deref().unwrap_or_default();
            let text =
                format!("{message}, asked for at {from} ms, is held in {} and never left: {detail}", progress.region);
            found.insert(message, text);
        }
    }
    found.into_values().collect()
}

fn was_cut_off(evidence: &Evidence<'_>, node: NodeId, from: Tick, to: Tick) -> bool {
    evidence
        .records
        .faults
        .iter()
        .any(|span| span.fault.cuts_off(node) && span.from <= to && from <= span.to.unwrap_or(Tick::MAX))
}

fn accepted(evidence: &Evidence<'_>) -> BTreeSet<MessageId> {
    evidence.accepted().map(|(message, _)| message).collect()
}

/// Returns how many requests were open when everything slept: asked again after that, they are new ones.
fn asked_again(evidence: &Evidence<'_>) -> u64 {
    let Some(slept) = &evidence.records.slept else { return 0 };
    let open = evidence.records.operations.iter().filter(|operation| {
        let answered = operation.answer.as_ref().map_or(Tick::MAX, |(at, _)| *at);
        matches!(operation.asked, Asked::Send { .. }) && operation.from <= slept.at && answered >= slept.at
    });
    open.count() as u64
}

/// Returns the dispatches of a class by message, in the order of their beginning.
fn by_message<'a>(evidence: &Evidence<'a>, class: Class) -> BTreeMap<MessageId, Vec<&'a Dispatch>> {
    let mut by_message: BTreeMap<MessageId, Vec<&Dispatch>> = BTreeMap::new();
    for dispatch in evidence.records.dispatches.iter().filter(|dispatch| dispatch.class == class) {
        by_message.entry(dispatch.message).or_default().push(dispatch);
    }
    by_message
}
