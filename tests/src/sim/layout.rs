//! Which nodes a run has: in which regions, and what these are for. What goes wrong there is another question
//! ([`super::settings::Scene`]).

use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::id::{NodeId, RegionId};

/// The port that every simulated node listens on.
pub const PORT: u16 = 7_000;

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
    /// Three serving regions, and a node more for the first, which an operator adds; whichever of the two nodes is
    /// removed then comes back as another one. So that region has one node or two.
    Spare,
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
            Layout::Pair | Layout::Spare => &[NodeId(1), NodeId(2), NodeId(3), NodeId(5)],
            Layout::Four => &[NodeId(1), NodeId(2), NodeId(3), NodeId(4)],
        }
    }

    /// Returns the nodes that are no members at first.
    pub fn spare(self) -> &'static [NodeId] {
        if self == Layout::Spare { &[NodeId(5)] } else { &[] }
    }

    /// Returns the members that may be removed.
    pub fn replaceable(self) -> &'static [NodeId] {
        if self == Layout::Spare { &[NodeId(1)] } else { &[] }
    }

    /// Says whether a node may be added or removed.
    pub fn changes(self, node: NodeId) -> bool {
        self.spare().contains(&node) || self.replaceable().contains(&node)
    }

    /// Returns the node whose operator adds and removes others, if anybody does.
    pub fn operator(self) -> Option<NodeId> {
        (self == Layout::Spare).then_some(NodeId(2))
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
            grpc: format!("{}:{}", name(id), PORT + 1),
            rest_url: String::new(),
        }
    }

    /// Returns the nodes as they are configured: by whoever joins the cluster, all that may ever be in it.
    pub fn configured(self) -> Nodes {
        self.nodes().iter().map(|id| (*id, self.info(*id))).collect()
    }

    /// Returns the nodes as those that make the cluster are configured, with these alone.
    pub fn founders(self) -> Nodes {
        let mut nodes = self.configured();
        nodes.retain(|id, _| !self.spare().contains(id));
        nodes
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
