//! P3: how a message ended has a cause. What nobody asked for doesn't happen.

use std::collections::BTreeMap;

use model::id::MessageId;
use model::message::{Progress, Status};

use super::causes::{Causes, Waited};
use super::evidence::{Evidence, TIME_OFF_MS};
use super::opt_outs::OptOuts;
use super::retention::known;
use crate::sim::faults::Tick;
use crate::sim::operations::{Answered, Asked, Recipient, Reply};
use crate::sim::world;

/// A message that a client was told is accepted.
struct Sent<'a> {
    to: &'a Recipient,
    from: Tick,
    /// Until when it is worth sending; nothing when that is longer than any run.
    until: Option<Tick>,
}

/// P3: a message is opted out only when an opt-out of its address may have stood between the request and that end, or
/// its app or endpoint may have been deleted by then.
pub fn opted_out_only_when_asked(evidence: &Evidence<'_>) -> Vec<String> {
    let opt_outs = OptOuts::of(evidence);
    ended(evidence, Status::OptedOut, |_, sent, progress| {
        let end = world::tick_of(progress.changed) + TIME_OFF_MS;
        let deleted = evidence.records.operations.iter().any(|operation| match &operation.asked {
            Asked::Delete(target) => {
                target.has(sent.to) && operation.from <= end && operation.may_happen_until().is_some()
            }
            _ => false,
        });
        !deleted && !opt_outs.possibly(&sent.to.address, sent.from, end)
    })
}

/// P3, P6: a message expires only when it was worth sending for a short time, or waited when everything slept for days,
/// and something kept it back then, or its provider didn't take it.
pub fn expired_only_with_cause(evidence: &Evidence<'_>) -> Vec<String> {
    let causes = Causes::of(evidence);
    ended(evidence, Status::Expired, |message, sent, progress| {
        let slept = evidence.records.slept.as_ref().map(|slept| slept.at);
        let Some(until) = sent.until.or(slept.filter(|at| sent.from <= *at)) else { return true };
        let (address, region) = (sent.to.address.as_str(), &progress.region);
        let waited = Waited { message, address, region, from: sent.from, to: until };
        let mut dispatches = evidence.records.dispatches.iter().filter(|dispatch| dispatch.message == message);
        let refused = dispatches.any(|dispatch| !matches!(dispatch.reply, Some((_, Reply::Accepted))));
        !refused && !causes.kept_back(&waited)
    })
}

/// Tells of the messages that ended so in a region and for which `wrong` holds, given how that is recorded.
fn ended(
    evidence: &Evidence<'_>,
    status: Status,
    wrong: impl Fn(MessageId, &Sent<'_>, &Progress) -> bool,
) -> Vec<String> {
    let sent: BTreeMap<MessageId, Sent<'_>> = evidence
        .records
        .operations
        .iter()
        .filter_map(|operation| match (&operation.asked, &operation.answer) {
            (Asked::Send { to, until, .. }, Some((_, Answered::Accepted(message)))) => {
                Some((*message, Sent { to, from: operation.from, until: *until }))
            }
            _ => None,
        })
        .collect();
    let mut found = BTreeMap::new();
    let states =
        known(evidence).into_iter().flat_map(|(message, states)| states.into_iter().map(move |of| (message, of)));
    for (message, (_, progress)) in states {
        let Some(sent) = sent.get(&message).filter(|_| progress.status == status) else { continue };
        if wrong(message, sent, progress) {
            let Sent { to: Recipient { address, .. }, from, until } = sent;
            found.insert(
                message,
                format!(
                    "{message} to {address}, asked for at {from} ms and worth sending until {until:?}, is {status}"
                ),
            );
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
#[path = "ends_tests.rs"]
mod tests;
