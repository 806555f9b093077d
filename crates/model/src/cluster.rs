//! Which nodes and regions there are.

use std::collections::BTreeMap;
use std::fmt;

use crate::address::{mix, stable_hash};
use crate::id::{GroupId, NodeId, RegionId};
use crate::location::HostPort;

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

/// Two nodes can't both be what was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum NodeConflict {
    /// Another place is the node's already.
    #[error("node {id} is known with other addresses or in another region: take another number")]
    Number { id: NodeId },
    /// Two listeners at one place.
    #[error("{place} is an address of node {other} already")]
    Address { place: String, other: NodeId },
    /// Two regions behind one URL.
    #[error("{url} is the REST listener of node {other} in another region already")]
    RestUrl { url: String, other: NodeId },
    /// A region of two kinds.
    #[error("region {region} is {kind}: all nodes of a region must be of one kind")]
    Kind { region: RegionId, kind: RegionKind },
}

/// Checks a node against the others that are known: its number and addresses are its own, its region is of one kind.
/// The same node once more is no conflict. Nodes of one region may share a REST URL, as a load balancer does.
///
/// # Errors
/// The first conflict that is found.
pub fn check_against(nodes: &Nodes, info: &NodeInfo) -> Result<(), NodeConflict> {
    if nodes.get(&info.id).is_some_and(|known| known != info) {
        return Err(NodeConflict::Number { id: info.id });
    }
    let place = |text: &str| text.parse::<HostPort>().map_or_else(|_| text.to_owned(), |place| place.to_string());
    let (peer, grpc) = (place(&info.peer), place(&info.grpc));
    if peer == grpc {
        return Err(NodeConflict::Address { place: peer, other: info.id });
    }
    for other in nodes.values().filter(|other| other.id != info.id) {
        let theirs = [place(&other.peer), place(&other.grpc)];
        if let Some(place) = [&peer, &grpc].into_iter().find(|place| theirs.contains(place)) {
            return Err(NodeConflict::Address { place: place.clone(), other: other.id });
        }
        if other.region == info.region && other.kind != info.kind {
            return Err(NodeConflict::Kind { region: info.region.clone(), kind: other.kind });
        }
        if other.region != info.region && !info.rest_url.is_empty() && other.rest_url == info.rest_url {
            return Err(NodeConflict::RestUrl { url: info.rest_url.clone(), other: other.id });
        }
    }
    Ok(())
}

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

    fn located(id: u64, region: &str, host: &str) -> NodeInfo {
        NodeInfo {
            id: NodeId(id),
            region: RegionId::new(region).unwrap(),
            kind: RegionKind::Serving,
            peer: format!("{host}:4401"),
            grpc: format!("{host}:4201"),
            rest_url: format!("http://{host}:4101"),
        }
    }

    #[test]
    fn a_node_that_takes_what_is_another_ones_is_found() {
        let nodes = Nodes::from([(NodeId(1), located(1, "a", "one")), (NodeId(2), located(2, "b", "two"))]);
        check_against(&nodes, &located(1, "a", "one")).unwrap();
        check_against(&nodes, &located(3, "a", "three")).unwrap();
        let shared_url = NodeInfo { rest_url: "http://one:4101".into(), ..located(3, "a", "three") };
        check_against(&nodes, &shared_url).unwrap();
        let conflict = |info: NodeInfo| check_against(&nodes, &info).unwrap_err();
        assert!(matches!(conflict(located(1, "a", "elsewhere")), NodeConflict::Number { .. }));
        assert!(matches!(conflict(located(1, "b", "one")), NodeConflict::Number { .. }));
        for taken in ["one:4401", "ONE:4401", "two:4201"] {
            let peer = NodeInfo { peer: taken.into(), ..located(3, "a", "three") };
            let grpc = NodeInfo { grpc: taken.into(), ..located(3, "a", "three") };
            assert!(matches!(conflict(peer), NodeConflict::Address { .. }), "{taken}");
            assert!(matches!(conflict(grpc), NodeConflict::Address { .. }), "{taken}");
        }
        let twice = NodeInfo { grpc: "three:4401".into(), ..located(3, "a", "three") };
        assert!(matches!(conflict(twice), NodeConflict::Address { .. }));
        let url = NodeInfo { region: RegionId::new("b").unwrap(), ..shared_url };
        assert!(matches!(conflict(url), NodeConflict::RestUrl { .. }));
        let kind = NodeInfo { kind: RegionKind::Witness, ..located(3, "a", "three") };
        assert!(matches!(conflict(kind), NodeConflict::Kind { .. }));
    }

    #[test]
    fn a_witness_is_never_preferred_as_leader() {
        for group in GroupId::all(16) {
            assert_ne!(preferred_leader_region(&nodes(1), group).unwrap().as_str(), "c");
        }
        assert_eq!(preferred_leader_region(&Nodes::new(), GroupId(1)), None);
    }
}
