//! Which nodes and regions there are.

use std::collections::BTreeMap;
use std::fmt;

use crate::address::{mix, stable_hash};
use crate::id::{GroupId, NodeId, RegionId};

/// What a region does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegionKind {
    /// Takes requests and sends.
    Serving,
    /// Votes and stores, never sends.
    Witness,
}

impl RegionKind {
    /// Returns the kind's name in configuration, the API and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            RegionKind::Serving => "serving",
            RegionKind::Witness => "witness",
        }
    }
}

impl fmt::Display for RegionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A node as the others know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct NodeInfo {
    pub id: NodeId,
    pub region: RegionId,
    pub kind: RegionKind,
    /// `host:port` where other nodes reach it.
    pub peer: String,
    /// `host:port` of its operators' gRPC listener.
    pub grpc: String,
    /// The base URL of its REST listener, where providers call back; empty for a witness.
    pub rest_url: String,
}

/// The nodes of a cluster by number.
pub type Nodes = BTreeMap<NodeId, NodeInfo>;

/// Names the node of each region that holds a replica of `group`: highest-random-weight over the region's nodes, so
/// that a node more or less moves few groups.
pub fn placement(nodes: &Nodes, group: GroupId) -> BTreeMap<RegionId, NodeId> {
    let mut chosen: BTreeMap<RegionId, (u64, NodeId)> = BTreeMap::new();
    for node in nodes.values() {
        let score = mix(stable_hash(&node.id.0.to_be_bytes()) ^ mix(u64::from(group.0)));
        let best = chosen.entry(node.region.clone()).or_insert((score, node.id));
        *best = (*best).max((score, node.id));
    }
    chosen.into_iter().map(|(region, (_, node))| (region, node)).collect()
}

/// Names the region whose replica should lead `group`: the serving regions take turns, so that leaders are spread.
/// Nothing when there is no serving region.
pub fn preferred_leader_region(nodes: &Nodes, group: GroupId) -> Option<RegionId> {
    let mut serving: Vec<&RegionId> =
        nodes.values().filter(|node| node.kind == RegionKind::Serving).map(|node| &node.region).collect();
    serving.sort();
    serving.dedup();
    let count = serving.len();
    (count > 0).then(|| serving[usize::from(group.0) % count].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(per_region: u64) -> Nodes {
        (0..3 * per_region)
            .map(|n| {
                let region = RegionId::new(["a", "b", "c"][(n % 3) as usize]).unwrap();
                let kind = if n % 3 == 2 { RegionKind::Witness } else { RegionKind::Serving };
                let address = String::new();
                (
                    NodeId(n + 1),
                    NodeInfo {
                        id: NodeId(n + 1),
                        region,
                        kind,
                        peer: address.clone(),
                        grpc: address.clone(),
                        rest_url: address,
                    },
                )
            })
            .collect()
    }

    #[test]
    fn every_region_holds_each_group_once() {
        for group in GroupId::all(16) {
            let placed = placement(&nodes(4), group);
            assert_eq!(placed.len(), 3);
            assert!(placed.iter().all(|(region, node)| nodes(4)[node].region == *region));
        }
    }

    #[test]
    fn a_witness_is_never_preferred_as_leader() {
        for group in GroupId::all(16) {
            assert_ne!(preferred_leader_region(&nodes(1), group).unwrap().as_str(), "c");
        }
        assert_eq!(preferred_leader_region(&Nodes::new(), GroupId(1)), None);
    }
}
