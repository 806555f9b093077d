//! P3, P6: why a message may wait for seconds. Something was wrong with the region that had it or with its group's
//! leader, or its group had no majority, or a plan moved it elsewhere. For so long, and until all is as before again:
//! P6 says how soon that is.

use std::collections::BTreeSet;
use std::time::Duration;

use model::TrafficPlan;
use model::address::Address;
use model::channel::Channel;
use model::id::{AppId, GroupId, MessageId, NodeId, RegionId};
use traffic::LeaseTiming;
use traffic::route::{Flow, route};

use super::evidence::{Evidence, TIME_OFF_MS};
use crate::sim::faults::{Fault, Span, Tick};
use crate::sim::{layout, world};

/// How many round trips it takes from the verdict that a region is lost to a dispatch elsewhere: a plan is committed
/// and adopted, what waits is taken over, and claimed.
const ROUND_TRIPS: u32 = 4;
/// How late at most the two looks are that lie on this way: for a region that is lost, and for what may be moved.
const LOOKS: Duration = Duration::from_millis(500);

/// What may have kept messages back.
pub(super) struct Causes<'a> {
    evidence: &'a Evidence<'a>,
    plans: &'a [TrafficPlan],
    recovery: Tick,
}

/// A message that may have been kept back.
pub(super) struct Waited<'a> {
    pub(super) message: MessageId,
    pub(super) address: &'a str,
    /// Where it was at last.
    pub(super) region: &'a RegionId,
    pub(super) from: Tick,
    pub(super) to: Tick,
}

impl<'a> Causes<'a> {
    /// Gathers the plans.
    pub(super) fn of(evidence: &'a Evidence<'a>) -> Causes<'a> {
        let plans = evidence.replicas.values().map(|replica| replica.plans.as_slice());
        let timing = LeaseTiming::for_round_trip(evidence.settings.round_trip());
        let recovery = timing.map_or(Duration::ZERO, |timing| recovery(&timing));
        Causes {
            evidence,
            plans: plans.max_by_key(|plans| plans.len()).unwrap_or_default(),
            recovery: Tick::try_from(recovery.as_millis()).unwrap_or(Tick::MAX),
        }
    }

    /// Says whether something may have kept a message back.
    pub(super) fn kept_back(&self, waited: &Waited<'_>) -> bool {
        let since = waited.from.saturating_sub(self.recovery);
        let regions = self.regions(waited.address, since, waited.to);
        let concerned: BTreeSet<NodeId> = self
            .evidence
            .settings
            .nodes()
            .filter(|node| layout::region(*node) == *waited.region || regions.contains(&layout::region(*node)))
            .chain(self.leaders(waited.message.group(), since, waited.to))
            .collect();
        let touching = |span: &&Span| {
            let lasted = span.from <= waited.to && waited.from <= self.recovered(span);
            lasted && concerned.iter().any(|node| touches(&span.fault, *node))
        };
        regions.len() > 1 || self.evidence.records.faults.iter().any(|span| touching(&span)) || self.no_majority(waited)
    }

    /// Returns the regions that an address was routed to between two times.
    fn regions(&self, address: &str, from: Tick, to: Tick) -> BTreeSet<RegionId> {
        let Ok((address, key)) = Address::normal(Channel::Sms, address) else { return BTreeSet::new() };
        // No plan of the simulation has weights of an app.
        let flow = Flow { app: AppId(0), channel: Channel::Sms, address: &address, key: &key };
        let begins = |plan: &TrafficPlan| world::tick_of(plan.time);
        let before = self.plans.iter().rev().find(|plan| begins(plan) + TIME_OFF_MS < from);
        let within = self
            .plans
            .iter()
            .filter(|plan| begins(plan) + TIME_OFF_MS >= from && begins(plan).saturating_sub(TIME_OFF_MS) <= to);
        before.into_iter().chain(within).filter_map(|plan| route(plan, flow)).collect()
    }

    /// Returns who led a group between two times.
    fn leaders(&self, group: GroupId, from: Tick, to: Tick) -> BTreeSet<NodeId> {
        let begun = || self.evidence.records.leaderships.iter().filter(|((of, _, _), _)| *of == group);
        let before = begun().filter(|(_, at)| **at < from).max_by_key(|(_, at)| **at);
        let within = begun().filter(|(_, at)| (from..=to).contains(at));
        before.into_iter().chain(within).map(|((_, node, _), _)| *node).collect()
    }

    /// Says whether faults of several nodes lasted at once while a message waited, or shortly before.
    fn no_majority(&self, waited: &Waited<'_>) -> bool {
        let faults = self.evidence.records.faults.iter();
        let near: Vec<&Span> =
            faults.filter(|span| span.from <= waited.to && waited.from <= self.recovered(span)).collect();
        // Where two faults last at once, one of them begins while the other lasts.
        near.iter().any(|first| {
            let at = first.from;
            let lasting = near.iter().filter(|span| span.from <= at && at <= span.to.unwrap_or(Tick::MAX));
            let hit: Vec<BTreeSet<NodeId>> = lasting.map(|span| self.hit(span)).filter(|hit| !hit.is_empty()).collect();
            hit.len() > 1 && hit.iter().flatten().collect::<BTreeSet<_>>().len() > 1
        })
    }

    fn hit(&self, span: &Span) -> BTreeSet<NodeId> {
        self.evidence.settings.nodes().filter(|node| touches(&span.fault, *node)).collect()
    }

    fn recovered(&self, span: &Span) -> Tick {
        span.to.unwrap_or(Tick::MAX).saturating_add(self.recovery)
    }
}

/// Says whether something went wrong with a node, or it was asked to stop.
fn touches(fault: &Fault, node: NodeId) -> bool {
    fault.cuts_off(node) || *fault == Fault::Stop(node)
}

/// How long it takes until messages flow that waited in a lost region, also when it led their group: an election, its
/// wait for the leases of others (W, R6), the silence after which the region is lost (W), and the way of a plan.
fn recovery(timing: &LeaseTiming) -> Duration {
    2 * timing.vote_hold_off() + 2 * timing.lapse() + ROUND_TRIPS * timing.round_trip() + LOOKS
}
