//! What the replicas hold while a run goes on: at equal entries the same, and tables that keep their rules.

use std::collections::BTreeMap;

use model::id::{GroupId, LogIndex, NodeId};
use replication::Replication;
use service::ports::Reads as _;

use super::faults::Tick;
use super::layout::name;
use super::replica::broken_rules;

/// How often the tables' rules are looked at: all rows are read.
const RULES_MS: Tick = 1_500;

/// What was applied up to now.
#[derive(Default)]
pub(super) struct Steps {
    /// The hash over all changes up to an entry of a group, and who was seen with it first.
    chains: BTreeMap<(GroupId, LogIndex), (u64, NodeId)>,
}

impl Steps {
    /// Says where a replica that runs now differs from what any had applied at the same entry.
    pub(super) fn differing(&mut self, running: &BTreeMap<NodeId, Replication>) -> Vec<String> {
        let mut found = Vec::new();
        for (node, replication) in running {
            for group in replication.groups() {
                let (index, chain) = (replication.applied(group), replication.chain(group));
                let (known, first) = *self.chains.entry((group, index)).or_insert((chain, *node));
                if known != chain {
                    let (node, first) = (name(*node), name(first));
                    found.push(format!("{node} and {first} differ in group {group} at entry {index}"));
                }
            }
        }
        found
    }
}

/// Says which rules the tables of nodes that run break, if it is time to look.
pub(super) fn broken(running: &BTreeMap<NodeId, Replication>, now: Tick) -> Vec<String> {
    if !now.is_multiple_of(RULES_MS) {
        return Vec::new();
    }
    let of_node = |(node, replication): (&NodeId, &Replication)| {
        let name = name(*node);
        let broken = broken_rules(replication);
        broken.into_iter().map(move |broken| format!("{name}: {broken}"))
    };
    running.iter().flat_map(of_node).collect()
}
