//! Which nodes a run has: in which regions, and what these are for. What goes wrong there is another question
//! ([`super::settings::Scene`]).

use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::id::{NodeId, RegionId};

use super::kernel::PORT;

/// Which nodes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// Three serving regions.
    Three,
    /// Two serving regions and a witness.
    Witness,
    /// Three serving regions; the first has two nodes, which share its replicas: two groups lie on the one, one
    /// partition on the other.
    Pair,
    /// Four serving regions.
    Four,
}

/// A node that may be part of a run.
struct Place {
    node: NodeId,
    /// Its host; that of a region's first node is called as the region.
    name: &'static str,
    region: &'static str,
}

const PLACES: [Place; 5] = [
    Place { node: NodeId(1), name: "a", region: "a" },
    Place { node: NodeId(2), name: "b", region: "b" },
    Place { node: NodeId(3), name: "c", region: "c" },
    Place { node: NodeId(4), name: "d", region: "d" },
    Place { node: NodeId(5), name: "a2", region: "a" },
];

impl Layout {
    /// Returns the nodes.
    pub fn nodes(self) -> &'static [NodeId] {
        match self {
            Layout::Three | Layout::Witness => &[NodeId(1), NodeId(2), NodeId(3)],
            Layout::Pair => &[NodeId(1), NodeId(2), NodeId(3), NodeId(5)],
            Layout::Four => &[NodeId(1), NodeId(2), NodeId(3), NodeId(4)],
        }
    }

    /// Returns what a node's region is for.
    pub fn kind(self, node: NodeId) -> RegionKind {
        let witness = self == Layout::Witness && node == NodeId(3);
        if witness { RegionKind::Witness } else { RegionKind::Serving }
    }

    /// Returns the nodes of regions that serve.
    pub fn serving(self) -> impl Iterator<Item = NodeId> {
        self.nodes().iter().copied().filter(move |node| self.kind(*node) == RegionKind::Serving)
    }

    /// Returns a node as it is configured.
    pub fn info(self, id: NodeId) -> NodeInfo {
        NodeInfo {
            id,
            region: region(id),
            kind: self.kind(id),
            peer: format!("{}:{PORT}", name(id)),
            grpc: String::new(),
            rest_url: String::new(),
        }
    }

    /// Returns the nodes as they are configured.
    pub fn configured(self) -> Nodes {
        self.nodes().iter().map(|id| (*id, self.info(*id))).collect()
    }
}

/// Returns the name of a node's host.
pub fn name(node: NodeId) -> &'static str {
    place(node).name
}

/// Returns a node's region.
pub fn region(node: NodeId) -> RegionId {
    RegionId::from_stored(place(node).region)
}

fn place(node: NodeId) -> &'static Place {
    PLACES.iter().find(|place| place.node == node).expect("every node of a layout has a place")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::cluster::placement;
    use model::id::GroupId;

    use super::*;
    use crate::sim::cluster::PARTITIONS;

    #[test]
    fn each_node_of_a_pair_has_something_to_send() {
        let nodes = Layout::Pair.configured();
        let on = |group| placement(&nodes, group)[&region(NodeId(1))];
        let senders: BTreeSet<NodeId> = GroupId::partitions(PARTITIONS).map(on).collect();
        assert_eq!(senders, BTreeSet::from([NodeId(1), NodeId(5)]));
    }
}
