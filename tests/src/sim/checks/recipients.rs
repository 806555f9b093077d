//! P1: no send after an acknowledged opt-out.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use crate::sim::faults::Tick;
use crate::sim::history::{Answered, Asked};

/// P1: no region begins to hand a message over to an address whose opt-out was acknowledged in an earlier millisecond.
/// (Within one millisecond the simulator's order of hosts means nothing.)
pub fn no_dispatch_after_an_acknowledged_opt_out(evidence: &Evidence<'_>) -> Vec<String> {
    let mut acknowledged: BTreeMap<&str, Tick> = BTreeMap::new();
    for operation in &evidence.records.operations {
        if let (Asked::OptOut { address }, Some((at, Answered::Done))) = (&operation.asked, &operation.answer) {
            let first = acknowledged.entry(address).or_insert(*at);
            *first = (*first).min(*at);
        }
    }
    let mut found = Vec::new();
    for dispatch in &evidence.records.dispatches {
        let opted_out = acknowledged.get(dispatch.address.as_str()).filter(|at| **at < dispatch.from);
        if let Some(at) = opted_out {
            found.push(format!(
                "{} began to dispatch {} to {} at {} ms, whose opt-out was acknowledged at {at} ms",
                dispatch.region, dispatch.message, dispatch.address, dispatch.from
            ));
        }
    }
    found
}

/// P1, P5: in no step could a node begin a dispatch without having applied all that forbids sending and was
/// acknowledged before, or of a message that was moved away under a plan that it doesn't know.
pub fn no_permit_on_what_is_out_of_date(evidence: &Evidence<'_>) -> Vec<String> {
    evidence.records.wrong_permits.clone()
}
