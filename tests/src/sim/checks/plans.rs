//! P5: one plan.

use std::collections::BTreeMap;

use model::id::{Epoch, MessageId};

use super::evidence::Evidence;

/// P5: plans form one line, numbered without gaps, each naming the one before as its parent, and all replicas have the
/// same.
pub fn plans_form_one_line(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut first = None;
    for (region, replica) in evidence.replicas {
        for (number, plan) in (1..).zip(&replica.plans) {
            if plan.epoch != Epoch(number) || plan.parent.next() != plan.epoch {
                found.push(format!("{region} has plan {} with parent {} as number {number}", plan.epoch, plan.parent));
            }
        }
        let plans = first.get_or_insert(&replica.plans);
        if **plans != replica.plans {
            found.push(format!("{region} has other plans than the first region"));
        }
    }
    found
}

/// P5: whoever hands a message over later acts on the same plan or a later one.
pub fn epochs_of_a_message_never_regress(evidence: &Evidence<'_>) -> Vec<String> {
    let mut last: BTreeMap<MessageId, Epoch> = BTreeMap::new();
    let mut found = Vec::new();
    for dispatch in &evidence.records.dispatches {
        let last = last.entry(dispatch.message).or_insert(dispatch.epoch);
        if dispatch.epoch < *last {
            let (message, region) = (dispatch.message, &dispatch.region);
            found.push(format!("{region} dispatched {message} under plan {} after {last}", dispatch.epoch));
        }
        *last = (*last).max(dispatch.epoch);
    }
    found
}
