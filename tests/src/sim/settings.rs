//! What a run is made from, and what its scene says of the cluster: which nodes it has and how far apart they are.

use std::time::Duration;

use model::id::NodeId;

use super::breaks::Break;
use super::layout::Layout;

/// What a run is made from. The same settings lead to the same run, in a fresh process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// For how many simulated seconds things go wrong.
    pub seconds: u64,
    /// What kind of things go wrong, and where.
    pub scene: Scene,
    /// On which nodes.
    pub layout: Layout,
    /// What is broken on purpose.
    pub broken: Option<Break>,
}

/// What kind of things go wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scene {
    /// Everything that the nemesis knows, on regions that are up to 80 ms apart, one way.
    Mixed,
    /// Lines between two nodes, one at a time and nothing else, at 80 ms there and back.
    Lines,
    /// Nodes are killed and lose power, one or all, again and again, and start again at once; nothing else but wall
    /// clocks goes wrong.
    Crashes,
    /// As [`Scene::Mixed`], while clients ask for more at once than a node has room for.
    Overload,
    /// As [`Scene::Mixed`], with days between two thirds of it and the last one, in which what is kept long enough gets
    /// old.
    Retention,
    /// As [`Scene::Mixed`], while nodes run builds of two apply versions, and are upgraded at the end.
    Upgrade,
    /// Two lines at a time that have no end in common, between four serving regions: no region hears all others.
    Crossed,
}

impl Scene {
    /// Returns the layout that a seed of the scene has when nobody asks for another one.
    pub fn layout(self, seed: u64) -> Layout {
        match self {
            Scene::Mixed | Scene::Crashes | Scene::Overload | Scene::Retention | Scene::Upgrade => Layout::Three,
            Scene::Lines => [Layout::Three, Layout::Witness][(seed % 2) as usize],
            Scene::Crossed => Layout::Four,
        }
    }
}

impl Settings {
    /// Returns the nodes.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        self.layout.nodes().iter().copied()
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
        matches!(self.scene, Scene::Lines | Scene::Crossed)
    }
}
