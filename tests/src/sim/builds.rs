//! Which build each start of a node is, where nodes are upgraded: at first each start is drawn, an older or the newer one,
//! in any order and back; at the end all are newer ones. Operators try to raise the version all the time.
//!
//! An older build is the product's node that is told to know the first apply version alone: it stops at whatever came
//! later, and says so of itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::id::NodeId;
use model::version::{Build, Versions};

use super::faults::Tick;
use super::history::now;
use super::layout::name;
use super::settings::{Scene, Settings};
use super::world::SimRandom;

/// How long before the end of what goes wrong each start is a newer build.
pub const SETTLED_MS: Tick = 30_000;
/// How long an older build may have run when the version is raised: so long others may take what it said of itself before
/// its start for its own word, and a while more until the raise is applied.
const UNHEARD_MAX_MS: Tick = 6_000;

/// The builds of a run.
pub struct Builds {
    upgraded: bool,
    random: SimRandom,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// From when on each start is a newer build.
    newer_from: Option<Tick>,
    /// What runs, and since when.
    running: BTreeMap<NodeId, (Versions, Tick)>,
    /// When the version was first seen to be raised.
    raised: Option<Tick>,
    /// Nodes whose next start is a newer build: an older one was turned away there.
    turned_away: BTreeMap<NodeId, u32>,
    wrong: Vec<String>,
}

impl Builds {
    /// Makes the builds of a run; nodes are upgraded in [`Scene::Upgrade`] alone.
    pub fn new(settings: &Settings, random: SimRandom) -> Builds {
        Builds { upgraded: settings.scene == Scene::Upgrade, random, state: Mutex::default() }
    }

    /// Draws what a node starts as.
    pub fn start(&self, node: NodeId) -> Build {
        let mut state = self.lock();
        let newer = !self.upgraded
            || state.newer_from.is_some_and(|from| now() >= from)
            || state.turned_away.get(&node).is_some_and(|count| *count > 0);
        // The first start of the first node is an older one: otherwise a new cluster may begin at the newest version.
        let first = node == NodeId(1) && !state.running.contains_key(&node);
        let newer = newer || (!first && self.random.below(2) == 0);
        state.turned_away.remove(&node);
        let versions = if newer { registry::VERSIONS } else { Versions::UNSAID };
        state.running.insert(node, (versions, now()));
        Build::new(if newer { "newer" } else { "older" }, versions)
    }

    /// From this time on, each start is a newer build.
    pub fn newer_from(&self, from: Tick) {
        self.lock().newer_from = Some(from);
    }

    /// Takes note that some replica was seen at a later version.
    pub fn saw(&self, version: u32) {
        let mut state = self.lock();
        if version > Versions::UNSAID.newest() && state.raised.is_none() {
            state.raised = Some(now());
        }
    }

    /// Says whether an end of a node is one of an older build that met a later version; its next start is a newer one
    /// then. It must not have run for long before the version was raised.
    pub fn was_turned_away(&self, node: NodeId, reason: &str) -> bool {
        let mut state = self.lock();
        let Some((versions, since)) = state.running.get(&node).copied() else { return false };
        if versions != Versions::UNSAID || !self.upgraded || !reason.contains("start a newer build on this node") {
            return false;
        }
        *state.turned_away.entry(node).or_default() += 1;
        let raised = state.raised.unwrap_or_else(now);
        if since + UNHEARD_MAX_MS < raised {
            let ran = raised - since;
            state
                .wrong
                .push(format!("{} had run as an older build for {ran} ms when the version was raised", name(node)));
        }
        true
    }

    /// Returns what was wrong with raising the version.
    pub fn wrong(&self) -> Vec<String> {
        self.lock().wrong.clone()
    }

    /// Says whether nodes are upgraded in this run.
    pub fn are_upgraded(&self) -> bool {
        self.upgraded
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
