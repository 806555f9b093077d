//! Which regions could take traffic, as one node knows it: from what every node says of itself with its lease calls, and
//! from who heard whom lately. The rules that use it are in [`crate::planning`] and [`crate::loss`].
//!
//! A region is ready when each of its nodes said so itself within the silence after which it would count as lost, and
//! when a majority of the regions hears the region, as they must for it not to be lost. A node that can't hear a region
//! therefore gives it nothing, though another node might. To take the place of a lost region one node that could send
//! is enough: a part of what was sent is better than nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::cluster::{Nodes, RegionKind};
use model::readiness::ReadyState;
use model::{NodeId, RegionId};

/// Which serving regions could send now; those that could not, each with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegionReadiness {
    reasons: BTreeMap<RegionId, Option<NotReady>>,
    /// Those that may take the place of a lost one.
    stand_ins: BTreeSet<RegionId>,
}

/// What is known of one other node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NeighbourNews {
    /// How long ago this node last saw it; nothing when it never did.
    pub last_seen: Option<Duration>,
    /// How long ago calls last went both ways between it and this node: the age of the older of its last answer and its
    /// last call. A line may let through what one end asks and not what the other does.
    pub both_ways: Option<Duration>,
    /// How long ago it last reported whom it saw; nothing when it never did.
    pub reported: Option<Duration>,
    /// How long ago it had last seen the others, by that report, with the report's age added.
    pub peers_last_seen: BTreeMap<NodeId, Duration>,
    /// How long ago calls had last gone both ways between the others and it, in the same way.
    pub peers_both_ways: BTreeMap<NodeId, Duration>,
    /// What it said of itself in that report; nothing when it never reported.
    pub ready: Option<ReadyState>,
}

/// What one node knows of the cluster.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Sight<'a> {
    /// The node that looks.
    pub node: NodeId,
    pub nodes: &'a Nodes,
    /// What it knows of each other node.
    pub news: &'a BTreeMap<NodeId, NeighbourNews>,
    /// How old a sign of life may be: W, after which a region counts as lost.
    pub silence: Duration,
}

/// Why a region could not send now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum NotReady {
    #[error("no node of the cluster belongs to it")]
    NoNode,
    /// Nothing was heard of a node for too long.
    #[error("node {node} was {}", heard(*ago))]
    Silent { node: NodeId, ago: Option<Duration> },
    /// Too few regions hear it.
    #[error("{heard_by} of the regions hear it, {needed} must")]
    Unheard {
        /// How many do, itself included.
        heard_by: usize,
        needed: usize,
    },
    /// A node is in order and waits for the others.
    #[error("node {node} waits: {reason}")]
    Waiting { node: NodeId, reason: String },
    /// A node couldn't send whatever the others did.
    #[error("node {node} can't send: {reason}")]
    Unable { node: NodeId, reason: String },
}

impl Sight<'_> {
    /// Says whether a node's word counts: it reported lately, or is the one that looks.
    pub fn speaks(&self, node: NodeId) -> bool {
        node == self.node || self.fresh(self.news.get(&node).and_then(|news| news.reported))
    }

    /// Says whether a node, by its own word where that counts, heard another one lately.
    pub fn hears(&self, observer: NodeId, subject: NodeId) -> bool {
        let ago = match observer == self.node {
            true => self.news.get(&subject).and_then(|news| news.last_seen),
            false => self.news.get(&observer).and_then(|news| news.peers_last_seen.get(&subject).copied()),
        };
        self.speaks(observer) && self.fresh(ago)
    }

    /// Says whether calls between a node whose word counts and another one had not gone both ways for the silence when it
    /// last said so. How old its report is doesn't count: what came to it since is not in there.
    pub fn has_lost(&self, observer: NodeId, subject: NodeId) -> bool {
        let both_ways = match observer == self.node {
            true => self.news.get(&subject).and_then(|news| news.both_ways),
            false => self.news.get(&observer).and_then(|news| {
                let ago = news.peers_both_ways.get(&subject).copied()?;
                Some(ago.saturating_sub(news.reported.unwrap_or_default()))
            }),
        };
        self.speaks(observer) && !self.fresh(both_ways)
    }

    /// Says whether some node of a region, whose word counts, heard some node of another one lately.
    pub fn region_hears(&self, observer: &RegionId, subject: &RegionId) -> bool {
        nodes_of(self, observer).any(|by| nodes_of(self, subject).any(|subject| self.hears(by, subject)))
    }

    fn fresh(&self, ago: Option<Duration>) -> bool {
        ago.is_some_and(|ago| ago < self.silence)
    }
}

impl NotReady {
    /// Says whether nothing is wrong with the region itself, so that it may take the place of a lost one: what it waits
    /// for is the election that the loss has caused.
    pub fn is_waiting(&self) -> bool {
        matches!(self, NotReady::Waiting { .. })
    }

    /// Says whether the region is heard, so that what keeps it from sending may pass by itself in a moment.
    pub fn may_pass(&self) -> bool {
        matches!(self, NotReady::Waiting { .. } | NotReady::Unable { .. })
    }
}

impl RegionReadiness {
    /// Returns why a region could not send now; nothing when it could.
    pub fn why_not(&self, region: &RegionId) -> Option<NotReady> {
        self.reasons.get(region).cloned().unwrap_or(Some(NotReady::NoNode))
    }

    /// Says whether a region may take the place of a lost one: it is heard, and one of its nodes at least is ready, or
    /// waits for an election alone.
    pub fn can_stand_in(&self, region: &RegionId) -> bool {
        self.stand_ins.contains(region)
    }
}

impl FromIterator<(RegionId, Option<NotReady>)> for RegionReadiness {
    /// Of regions with one node each.
    fn from_iter<I: IntoIterator<Item = (RegionId, Option<NotReady>)>>(regions: I) -> RegionReadiness {
        let reasons: BTreeMap<RegionId, Option<NotReady>> = regions.into_iter().collect();
        let able = reasons.iter().filter(|(_, reason)| could_send(reason.as_ref()));
        RegionReadiness { stand_ins: able.map(|(region, _)| region.clone()).collect(), reasons }
    }
}

/// Says whether nothing is wrong with a node itself.
fn could_send(reason: Option<&NotReady>) -> bool {
    reason.is_none_or(NotReady::is_waiting)
}

/// Judges every serving region; `own` is what the node that looks says of itself. Of several reasons the gravest is
/// told: a silent node before one that speaks, one that can't send before one that waits.
pub fn judge(sight: &Sight<'_>, own: &ReadyState) -> RegionReadiness {
    let regions: BTreeSet<&RegionId> = sight.nodes.values().map(|node| &node.region).collect();
    let needed = regions.len() / 2 + 1;
    let serving = sight.nodes.values().filter(|node| node.kind == RegionKind::Serving);
    let serving: BTreeSet<&RegionId> = serving.map(|node| &node.region).collect();
    let mut readiness = RegionReadiness::default();
    for region in serving {
        let reasons: Vec<Option<NotReady>> = nodes_of(sight, region).map(|node| judge_node(sight, own, node)).collect();
        let heard_by =
            regions.iter().filter(|observer| **observer == region || sight.region_hears(observer, region)).count();
        if heard_by >= needed && reasons.iter().any(|reason| could_send(reason.as_ref())) {
            readiness.stand_ins.insert(region.clone());
        }
        let reason = match reasons.into_iter().flatten().min_by_key(gravity) {
            Some(reason) if !reason.may_pass() => Some(reason),
            _ if heard_by < needed => Some(NotReady::Unheard { heard_by, needed }),
            other => other,
        };
        readiness.reasons.insert(region.clone(), reason);
    }
    readiness
}

fn judge_node(sight: &Sight<'_>, own: &ReadyState, node: NodeId) -> Option<NotReady> {
    let news = sight.news.get(&node);
    let said = match node == sight.node {
        true => Some(own),
        false => news.filter(|_| sight.speaks(node)).and_then(|news| news.ready.as_ref()),
    };
    match said {
        None => Some(NotReady::Silent { node, ago: news.and_then(|news| news.reported) }),
        Some(ReadyState::Ready) => None,
        Some(ReadyState::Waiting(reason)) => Some(NotReady::Waiting { node, reason: reason.clone() }),
        Some(ReadyState::Unable(reason)) => Some(NotReady::Unable { node, reason: reason.clone() }),
    }
}

fn nodes_of<'a>(sight: &Sight<'a>, region: &RegionId) -> impl Iterator<Item = NodeId> + use<'a> {
    let region = region.clone();
    sight.nodes.values().filter(move |node| node.region == region).map(|node| node.id)
}

fn gravity(reason: &NotReady) -> u8 {
    match reason {
        NotReady::NoNode | NotReady::Silent { .. } => 0,
        NotReady::Unheard { .. } => 1,
        NotReady::Unable { .. } => 2,
        NotReady::Waiting { .. } => 3,
    }
}

fn heard(ago: Option<Duration>) -> String {
    ago.map_or_else(|| "never heard".to_owned(), |ago| format!("last heard {} ms ago", ago.as_millis()))
}
