//! The verdict that a region is lost.
//!
//! A region is lost when, for the configured time, a majority of the cluster's regions saw none of its nodes, and the
//! control group's leader got no renewal request from it either. A region counts as an observer of others only while
//! its own reports arrive and it sees a majority of the regions itself: who is cut off from everybody has no say, and
//! where everybody is cut off from everybody nobody is lost. A node that was silent itself counts again only when it
//! has reported for that time, because it saw nobody meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::cluster::Nodes;
use model::{BootTime, NodeId, RegionId};

use crate::timing::LeaseTiming;

/// When silence means loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossSettings {
    /// For how long nothing must have been seen, and how fresh an observer's own reports must be.
    pub silence: Duration,
}

/// Who saw whom when, in one tenure of the control group's leader. Its size is bounded by the square of the number of
/// nodes.
#[derive(Debug, Clone)]
pub struct RegionLoss {
    settings: LossSettings,
    regions: BTreeMap<NodeId, RegionId>,
    /// Since when each region is watched.
    watched: BTreeMap<RegionId, BootTime>,
    last_seen: BTreeMap<(NodeId, NodeId), BootTime>,
    reported: BTreeMap<NodeId, Reporting>,
    renewed: BTreeMap<RegionId, BootTime>,
}

/// The reports of an observer, without a gap as long as the silence.
#[derive(Debug, Clone, Copy)]
struct Reporting {
    since: BootTime,
    last: BootTime,
}

/// A region that is lost, and why that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Verdict {
    pub region: RegionId,
    /// The last sign of life that anybody who counts had of it.
    pub last_sign: BootTime,
    /// What the verdict rests on, for the plan.
    pub evidence: BTreeMap<String, String>,
}

/// Who may speak about the others at a time, and how many must agree.
struct Panel<'a> {
    now: BootTime,
    observers: Vec<&'a RegionId>,
    majority: usize,
}

impl LossSettings {
    /// Waits for W: when it has passed without renewals, the lease has lapsed as well, so that the takeover follows the
    /// plan at once.
    pub fn for_timing(timing: &LeaseTiming) -> LossSettings {
        LossSettings { silence: timing.lapse() }
    }
}

impl RegionLoss {
    /// Begins to watch, at the beginning of the control group leader's tenure: what happened before is not known, so
    /// every silence counts from here.
    pub fn new(settings: LossSettings, nodes: &Nodes, began: BootTime) -> RegionLoss {
        let mut loss = RegionLoss {
            settings,
            regions: BTreeMap::new(),
            watched: BTreeMap::new(),
            last_seen: BTreeMap::new(),
            reported: BTreeMap::new(),
            renewed: BTreeMap::new(),
        };
        loss.set_nodes(nodes, began);
        loss
    }

    /// Returns for how long nothing must have been seen.
    pub fn silence(&self) -> Duration {
        self.settings.silence
    }

    /// Takes over a new list of nodes. What is known of those that stay is kept; the silence of a new region, and the
    /// reports of a new node, count from now.
    pub fn set_nodes(&mut self, nodes: &Nodes, now: BootTime) {
        self.regions = nodes.values().map(|node| (node.id, node.region.clone())).collect();
        let regions: BTreeSet<&RegionId> = self.regions.values().collect();
        self.watched.retain(|region, _| regions.contains(region));
        self.renewed.retain(|region, _| regions.contains(region));
        for region in regions {
            self.watched.entry(region.clone()).or_insert(now);
        }
        let known = &self.regions;
        self.last_seen.retain(|(observer, subject), _| known.contains_key(observer) && known.contains_key(subject));
        self.reported.retain(|observer, _| known.contains_key(observer));
        for node in known.keys() {
            self.reported.entry(*node).or_insert(Reporting { since: now, last: now });
        }
    }

    /// Takes note that a report of `observer` arrived at `at`, or that the observer is this node.
    pub fn reported(&mut self, observer: NodeId, at: BootTime) {
        let Some(reporting) = self.reported.get_mut(&observer).filter(|reporting| reporting.last < at) else { return };
        if at.since(reporting.last) >= self.settings.silence {
            reporting.since = at;
        }
        reporting.last = at;
    }

    /// Takes note that `observer` saw `subject` at `at`. Nodes that aren't in the cluster don't count.
    pub fn seen(&mut self, observer: NodeId, subject: NodeId, at: BootTime) {
        if self.regions.contains_key(&observer) && self.regions.contains_key(&subject) {
            later(self.last_seen.entry((observer, subject)).or_default(), at);
        }
    }

    /// Takes note that a holder of `region` asked the control group for its lease at `at`, whatever it was answered.
    pub fn renewed(&mut self, region: &RegionId, at: BootTime) {
        if self.watched.contains_key(region) {
            later(self.renewed.entry(region.clone()).or_default(), at);
        }
    }

    /// Names the regions that are lost now, in ascending order.
    pub fn verdict(&self, now: BootTime) -> Vec<Verdict> {
        let majority = self.watched.len() / 2 + 1;
        let observers = self.watched.keys().filter(|region| self.may_observe(now, region, majority)).collect();
        let panel = Panel { now, observers, majority };
        self.watched.keys().filter_map(|region| self.judge(&panel, region)).collect()
    }

    fn judge(&self, panel: &Panel<'_>, subject: &RegionId) -> Option<Verdict> {
        let Panel { now, ref observers, majority } = *panel;
        let renewed = self.renewed.get(subject).copied().unwrap_or_default().max(self.watched_since(subject));
        if !self.is_silent(now, renewed) {
            return None;
        }
        let mut last_sign = renewed;
        let mut evidence = BTreeMap::new();
        let mut witnesses = 0;
        for observer in observers.iter().filter(|observer| **observer != subject) {
            let at = self.last_seen_between(now, observer, subject);
            if self.is_silent(now, at) {
                witnesses += 1;
                last_sign = last_sign.max(at);
            }
            evidence.insert(format!("last_seen_by.{observer}"), ago(now, at));
        }
        if witnesses < majority {
            return None;
        }
        evidence.insert("lost_region".to_owned(), subject.to_string());
        evidence.insert("lease_requested".to_owned(), ago(now, renewed));
        evidence.insert("silence_needed".to_owned(), format!("{} ms", self.settings.silence.as_millis()));
        evidence.insert("witnesses".to_owned(), format!("{witnesses}, needs {majority}"));
        Some(Verdict { region: subject.clone(), last_sign, evidence })
    }

    /// Says whether a region's reports arrive and say that it sees a majority of the regions, itself included.
    fn may_observe(&self, now: BootTime, observer: &RegionId, majority: usize) -> bool {
        let sees = |subject: &RegionId| {
            subject == observer || !self.is_silent(now, self.last_seen_between(now, observer, subject))
        };
        let fresh = self.fresh_nodes(now, observer).next().is_some();
        fresh && self.watched.keys().filter(|region| sees(region)).count() >= majority
    }

    /// Returns when the region's reporting nodes last saw any node of another one; the time from which both are
    /// watched if they never did.
    fn last_seen_between(&self, now: BootTime, observer: &RegionId, subject: &RegionId) -> BootTime {
        let fresh: BTreeSet<NodeId> = self.fresh_nodes(now, observer).collect();
        let of_subject = |node: &NodeId| self.regions.get(node) == Some(subject);
        let last_seen = self.last_seen.iter().filter(|((by, of), _)| fresh.contains(by) && of_subject(of));
        let watched = self.watched_since(observer).max(self.watched_since(subject));
        last_seen.map(|(_, at)| *at).max().unwrap_or_default().max(watched)
    }

    fn fresh_nodes(&self, now: BootTime, region: &RegionId) -> impl Iterator<Item = NodeId> {
        self.reported.iter().filter_map(move |(node, reporting)| {
            let fresh = !self.is_silent(now, reporting.last) && self.is_silent(now, reporting.since);
            (fresh && self.regions.get(node) == Some(region)).then_some(*node)
        })
    }

    fn watched_since(&self, region: &RegionId) -> BootTime {
        self.watched.get(region).copied().unwrap_or_default()
    }

    fn is_silent(&self, now: BootTime, at: BootTime) -> bool {
        now.since(at) >= self.settings.silence
    }
}

fn ago(now: BootTime, at: BootTime) -> String {
    format!("{} ms ago", now.since(at).as_millis())
}

fn later(known: &mut BootTime, at: BootTime) {
    *known = at.max(*known);
}
