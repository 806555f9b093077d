//! P3: how a message ended has a cause. What nobody asked for doesn't happen.

use std::collections::{BTreeMap, BTreeSet};

use model::id::MessageId;
use model::message::Status;

use super::evidence::Evidence;
use crate::sim::faults::{Fault, Tick};
use crate::sim::history::{Answered, Asked, Reply};

/// How long after a fault its consequences may last, as for doubles.
const AFTERMATH_MS: Tick = 6_000;

/// A message that a client was told is accepted.
struct Sent<'a> {
    address: &'a str,
    from: Tick,
    /// Until when it is worth sending; nothing when that is longer than any run.
    until: Option<Tick>,
}

/// P3: a message is opted out only when somebody asked that nothing more be sent to its address.
pub fn opted_out_only_when_asked(evidence: &Evidence<'_>) -> Vec<String> {
    let operations = evidence.records.operations.iter();
    let asked: BTreeSet<&str> = operations
        .filter_map(|operation| match &operation.asked {
            Asked::OptOut { address } => Some(address.as_str()),
            _ => None,
        })
        .collect();
    ended(evidence, Status::OptedOut, |_, sent| !asked.contains(sent.address))
}

/// P3: a message expires only when it was worth sending for a short time, and something was wrong in it, or its
/// provider didn't take it.
pub fn expired_only_with_cause(evidence: &Evidence<'_>) -> Vec<String> {
    ended(evidence, Status::Expired, |message, sent| {
        let Some(until) = sent.until else { return true };
        let disturbed = evidence.records.faults.iter().any(|span| {
            let disturbs = !matches!(span.fault, Fault::WallClock(..));
            disturbs && span.from <= until && sent.from <= span.to.unwrap_or(Tick::MAX).saturating_add(AFTERMATH_MS)
        });
        let mut dispatches = evidence.records.dispatches.iter().filter(|dispatch| dispatch.message == message);
        let refused = dispatches.any(|dispatch| !matches!(dispatch.reply, Some((_, Reply::Accepted))));
        !disturbed && !refused
    })
}

/// Tells of the messages that ended so in a region and for which `wrong` holds.
fn ended(evidence: &Evidence<'_>, status: Status, wrong: impl Fn(MessageId, &Sent<'_>) -> bool) -> Vec<String> {
    let sent: BTreeMap<MessageId, Sent<'_>> = evidence
        .records
        .operations
        .iter()
        .filter_map(|operation| match (&operation.asked, &operation.answer) {
            (Asked::Send { address, until, .. }, Some((_, Answered::Accepted(message)))) => {
                Some((*message, Sent { address, from: operation.from, until: *until }))
            }
            _ => None,
        })
        .collect();
    let mut found = BTreeMap::new();
    for (message, (_, progress)) in evidence.replicas.values().flat_map(|replica| &replica.messages) {
        let Some(sent) = sent.get(message).filter(|_| progress.status == status) else { continue };
        if wrong(*message, sent) {
            let Sent { address, from, until } = sent;
            found.insert(
                *message,
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
