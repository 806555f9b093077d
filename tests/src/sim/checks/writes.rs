//! P2: an acknowledged write survives, and is seen where that is promised.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use crate::sim::faults::Tick;
use crate::sim::layout::name;
use crate::sim::operations::{Answered, Asked, Operation};
use crate::sim::settings::Scene;

/// One write of an endpoint's only writer.
struct Write {
    value: u64,
    from: Tick,
    acknowledged: Option<Tick>,
    /// It was answered that nothing was done.
    refused: bool,
}

type Writes<'a> = BTreeMap<&'a str, Vec<Write>>;

/// P2: at the end every replica holds, for every endpoint, the last acknowledged number or one whose write is without
/// an acknowledgement.
pub fn acknowledged_writes_survive(evidence: &Evidence<'_>) -> Vec<String> {
    let writes = writes(&evidence.records.operations);
    let mut found = Vec::new();
    for (region, replica) in evidence.replicas {
        for (endpoint, writes) in &writes {
            let value = replica.endpoints.get(*endpoint).copied().flatten();
            if let Some(wrong) = wrong(writes, value, Tick::MAX, Tick::MAX) {
                found.push(format!("{region} holds {value:?} in {endpoint}, but {wrong}"));
            }
        }
    }
    found
}

/// P2: a linearizable read sees everything that was acknowledged anywhere before it began; a local one everything that
/// was acknowledged by the same listener before, which is all of an endpoint's writes when its writer reads it.
pub fn reads_see_acknowledged_writes(evidence: &Evidence<'_>) -> Vec<String> {
    let writes = writes(&evidence.records.operations);
    let mut found = Vec::new();
    for operation in &evidence.records.operations {
        let (Asked::Read { endpoint, .. }, Some((at, Answered::Read(value)))) = (&operation.asked, &operation.answer)
        else {
            continue;
        };
        let Some(writes) = writes.get(endpoint.as_str()) else { continue };
        if let Some(wrong) = wrong(writes, *value, operation.from, *at) {
            let (node, from) = (name(operation.node), operation.from);
            found.push(format!("{node} read {value:?} in {endpoint} from {from} to {at} ms, but {wrong}"));
        }
    }
    found
}

/// Says why a value can't be what is seen by a look that lasted from one time to another, if it can't.
fn wrong(writes: &[Write], value: Option<u64>, from: Tick, to: Tick) -> Option<String> {
    let newest = writes.iter().filter(|write| write.acknowledged.is_some_and(|at| at < from)).map(|write| write.value);
    let newest = newest.max();
    let Some(value) = value else { return newest.map(|newest| format!("{newest} was acknowledged")) };
    let Some(write) = writes.iter().find(|write| write.value == value) else {
        return Some("nobody wrote that".to_owned());
    };
    if write.refused {
        return Some("that write was refused".to_owned());
    }
    if write.from > to {
        return Some("that was not written yet".to_owned());
    }
    // A write without an acknowledgement may take effect at any time.
    let superseded = write.acknowledged.is_some() && newest.is_some_and(|newest| newest > value);
    superseded.then(|| format!("{newest:?} was acknowledged later"))
}

/// Where more is asked for than nodes have room for, some of it is refused for that reason: else nothing was tried.
pub fn too_much_is_refused(evidence: &Evidence<'_>) -> Vec<String> {
    if evidence.settings.scene != Scene::Overload {
        return Vec::new();
    }
    let overloaded = |operation: &Operation| match &operation.answer {
        Some((_, Answered::Refused(text))) => text.starts_with(OVERLOADED),
        _ => false,
    };
    match evidence.records.operations.iter().any(overloaded) {
        true => Vec::new(),
        false => vec!["nothing was refused for being too much".to_owned()],
    }
}

/// What refusals begin with that say that there is no room.
const OVERLOADED: &str = "Overloaded:";

fn writes(operations: &[Operation]) -> Writes<'_> {
    let mut writes: Writes<'_> = BTreeMap::new();
    for operation in operations {
        let Asked::Write { endpoint, value } = &operation.asked else { continue };
        let acknowledged = match &operation.answer {
            Some((at, Answered::Done)) => Some(*at),
            _ => None,
        };
        let refused = matches!(&operation.answer, Some((_, Answered::Refused(_))));
        let write = Write { value: *value, from: operation.from, acknowledged, refused };
        writes.entry(endpoint).or_default().push(write);
    }
    writes
}
