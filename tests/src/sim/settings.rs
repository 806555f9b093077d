//! What a run is made from, and what its scene says of the cluster: which regions there are and how far apart they are.

use std::time::Duration;

use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::id::{NodeId, RegionId};

use super::breaks::Break;
use super::kernel::PORT;

/// What a run is made from. The same settings lead to the same run, in a fresh process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// For how many simulated seconds things go wrong.
    pub seconds: u64,
    /// What kind of things go wrong, and where.
    pub scene: Scene,
    /// What is broken on purpose.
    pub broken: Option<Break>,
}

/// What kind of things go wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scene {
    /// Everything that the nemesis knows, on three serving regions that are up to 80 ms apart, one way.
    Mixed,
    /// Lines between two nodes, one at a time and nothing else, at 80 ms there and back. Odd seeds have two serving
    /// regions and a witness, even ones three serving regions.
    Lines,
    /// As [`Scene::Mixed`], while nodes run builds of two apply versions, and are upgraded at the end.
    Upgrade,
    /// Two lines at a time that have no end in common, between four serving regions: no region hears all others.
    Crossed,
}

impl Settings {
    /// Returns the nodes, one per region.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        let count = match self.scene {
            Scene::Mixed | Scene::Upgrade | Scene::Lines => 3,
            Scene::Crossed => 4,
        };
        (1..=count).map(NodeId)
    }

    /// Returns the nodes of regions that serve.
    pub fn serving(&self) -> impl Iterator<Item = NodeId> + use<> {
        let settings = *self;
        self.nodes().filter(move |node| settings.kind(*node) == RegionKind::Serving)
    }

    /// Returns what a node's region is for.
    pub fn kind(&self, node: NodeId) -> RegionKind {
        let witness = self.scene == Scene::Lines && self.seed % 2 == 1 && node == NodeId(3);
        if witness { RegionKind::Witness } else { RegionKind::Serving }
    }

    /// Returns the nodes as they are configured.
    pub fn configured(&self) -> Nodes {
        let info = |id| NodeInfo {
            id,
            region: region(id),
            kind: self.kind(id),
            peer: format!("{}:{PORT}", name(id)),
            grpc: String::new(),
            rest_url: String::new(),
        };
        self.nodes().map(|id| (id, info(id))).collect()
    }

    /// Returns the shortest and the longest latency between regions, one way.
    pub fn latency(&self) -> (Duration, Duration) {
        let longest = if self.is_calm() { 40 } else { 80 };
        (Duration::from_millis(10), Duration::from_millis(longest))
    }

    /// Returns the round trip that leases are made for: twice the longest latency.
    pub fn round_trip(&self) -> Duration {
        self.latency().1 * 2
    }

    /// Says whether nothing goes wrong but lines: then the provider is well, nobody changes the plan by hand, and what
    /// is accepted has its time.
    pub fn is_calm(&self) -> bool {
        !matches!(self.scene, Scene::Mixed | Scene::Upgrade)
    }
}

/// Returns the name of a node's region, which is also its host.
pub fn name(node: NodeId) -> &'static str {
    match node {
        NodeId(1) => "a",
        NodeId(2) => "b",
        NodeId(3) => "c",
        _ => "d",
    }
}

/// Returns a node's region.
pub fn region(node: NodeId) -> RegionId {
    RegionId::from_stored(name(node))
}
