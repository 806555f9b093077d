//! P1: no send after an acknowledged opt-out, or to what was deleted.

use super::evidence::Evidence;
use super::opt_outs::OptOuts;
use crate::sim::faults::Tick;
use crate::sim::layout::name;
use crate::sim::operations::{Answered, Asked, Recipient, Target};

/// P1: no region begins to hand a message over to an address whose opt-out was acknowledged in an earlier millisecond,
/// and that nobody may have opted in since. (Within one millisecond the simulator's order of hosts means nothing.)
pub fn no_dispatch_after_an_acknowledged_opt_out(evidence: &Evidence<'_>) -> Vec<String> {
    let opt_outs = OptOuts::of(evidence);
    let mut found = Vec::new();
    for dispatch in &evidence.records.dispatches {
        let address = &dispatch.to.address;
        if let Some(at) = opt_outs.surely(address, dispatch.from, dispatch.from) {
            found.push(format!(
                "{} began to dispatch {} to {address} at {} ms, whose opt-out was acknowledged at {at} ms",
                name(dispatch.node),
                dispatch.message,
                dispatch.from
            ));
        }
    }
    found
}

/// P1: no region begins to hand a message of an app or to an endpoint over whose deletion was acknowledged in an
/// earlier millisecond.
pub fn no_dispatch_after_an_acknowledged_deletion(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (target, at) in deleted(evidence) {
        let sent = evidence.records.dispatches.iter().filter(|dispatch| target.has(&dispatch.to) && at < dispatch.from);
        found.extend(sent.map(|dispatch| {
            let (node, message, from) = (name(dispatch.node), dispatch.message, dispatch.from);
            format!("{node} began to dispatch {message} at {from} ms, of {target:?}, deleted by {at} ms")
        }));
    }
    found
}

/// P1: what is asked for after an opt-out or a deletion was acknowledged isn't accepted.
pub fn nothing_forbidden_is_accepted(evidence: &Evidence<'_>) -> Vec<String> {
    let opt_outs = OptOuts::of(evidence);
    let deleted: Vec<_> = deleted(evidence).collect();
    let mut found = Vec::new();
    for (to, from, at, answer) in sends(evidence) {
        let Answered::Accepted(message) = answer else { continue };
        let gone = deleted.iter().find(|(target, since)| target.has(to) && *since < from).map(|(_, since)| *since);
        if let Some(since) = gone.or_else(|| opt_outs.surely(&to.address, from, at)) {
            found.push(format!("{message} to {to:?}, asked for at {from} ms, was forbidden since {since} ms"));
        }
    }
    found
}

/// P3: nobody is said to have opted out who didn't, or who opted in again.
pub fn refused_only_who_opted_out(evidence: &Evidence<'_>) -> Vec<String> {
    let opt_outs = OptOuts::of(evidence);
    let refused = sends(evidence).filter(|(to, from, at, answer)| {
        matches!(answer, Answered::OptedOut) && !opt_outs.possibly(&to.address, *from, *at)
    });
    refused.map(|(to, from, ..)| format!("{}, asked for at {from} ms, is said to be opted out", to.address)).collect()
}

/// P1, P5: in no step could a node begin a dispatch without having applied all that forbids sending and was
/// acknowledged before, or of a message that was moved away under a plan that it doesn't know.
pub fn no_permit_on_what_is_out_of_date(evidence: &Evidence<'_>) -> Vec<String> {
    evidence.records.wrong_permits.clone()
}

/// Returns what was deleted, and when that was acknowledged.
fn deleted<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = (&'a Target, Tick)> {
    evidence.records.operations.iter().filter_map(|operation| match &operation.asked {
        Asked::Delete(target) => Some((target, operation.done()?)),
        _ => None,
    })
}

/// Returns who was sent to, when that was asked, and when it was answered what.
fn sends<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = (&'a Recipient, Tick, Tick, &'a Answered)> {
    evidence.records.operations.iter().filter_map(|operation| match (&operation.asked, &operation.answer) {
        (Asked::Send { to, .. }, Some((at, answer))) => Some((to, operation.from, *at, answer)),
        _ => None,
    })
}

#[cfg(test)]
#[path = "recipients_tests.rs"]
mod tests;
