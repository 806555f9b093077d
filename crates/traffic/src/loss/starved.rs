//! Regions that live and can't send, because a line is cut and no replica that could lead hears both of its ends.
//!
//! The leader of a partition that doesn't reach a holder gives it no lease, and what waits in the holder's region waits
//! as long as the line is cut. No region is lost by that, and the control group's leader may hear both. So that leader
//! takes one end of the line out of the plan, after the time in which a leadership that can move has moved.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::cluster::RegionKind;
use model::plan::{Author, PlanChange, RegionState};
use model::{GroupId, NodeId, RegionId, Term};

use super::situation::{Freeze, SafetyRules, Situation, has_stand_in, is_lost, note_lost, replace};
use crate::planning::Why;
use crate::readiness::Sight;

/// For how much longer than W a holder must have been without a lease: two looks of a leadership that moves away from the
/// line, a quarter of a second apart, the transfer, and the way of the new leader's word.
pub const STARVED_MARGIN: Duration = Duration::from_millis(1_000);
/// How long a new plan is let alone where some node hears everybody in service under it, so that leaderships may move to
/// that one: two looks and a transfer.
const PLAN_SETTLES: Duration = Duration::from_millis(750);
/// How many holders the evidence names.
const EVIDENCE_MAX: usize = 16;

/// A holder of a partition that is without a lease because its leader and it don't hear each other; by the word of that
/// leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Starved {
    pub group: GroupId,
    /// Of the leader's tenure.
    pub term: Term,
    pub leader: NodeId,
    pub holder: NodeId,
    /// For how long, in this tenure.
    pub lasts: Duration,
}

/// What is known of cut lines.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct CutLines<'a> {
    pub sight: &'a Sight<'a>,
    pub starved: &'a [Starved],
    /// For how long the plan has been the current one, as far as is known.
    pub plan_age: Duration,
}

/// A line with a holder that is starved by it.
struct Line<'a> {
    group: GroupId,
    holder: &'a RegionId,
    leader: &'a RegionId,
    starved: &'a Starved,
}

/// Returns the change that takes one end of a cut line out of service, so that the other sends what waits there; nothing
/// when no holder is starved for long enough, or the rules forbid it. One change at a time.
///
/// Only a region in service is taken out, and of one line only one: when the leader is in a region that is out already,
/// it is for the leadership to move. Of the two ends the one goes without which some node hears more of the others in
/// service, because that one can lead them; then the one that fewer regions hear; then the one without which fewer
/// partitions have a starved holder; then a standby before an active one, the smaller weight, the later name. Where
/// nobody else could send, or fewer regions would be left than the rules ask for, nothing changes.
pub fn relieve(situation: &Situation<'_>, rules: &SafetyRules, cut: &CutLines<'_>) -> Option<PlanChange> {
    let CutLines { sight, starved, plan_age } = *cut;
    let rules = &rules.under(situation.plan);
    if rules.frozen == Freeze::Everything {
        return None;
    }
    let lines = lines(situation, sight, starved);
    if plan_age < PLAN_SETTLES && unled(sight, &in_service(situation, sight)) == 0 {
        return None;
    }
    lines.iter().find_map(|line| {
        let leaving = ends(situation, sight, line)
            .into_iter()
            .filter(|end| !rules.frozen.covers(end) && has_stand_in(situation, rules, end))
            .min_by_key(|end| worth(situation, sight, &lines, end))?;
        let mut why = why(sight, &lines, line, leaving);
        note_lost(&mut why, situation.plan, leaving);
        replace(situation, rules, leaving, why)
    })
}

/// Lists the lines by which a holder in service has starved for long enough, in the order of the partitions.
fn lines<'a>(situation: &Situation<'_>, sight: &Sight<'a>, starved: &'a [Starved]) -> Vec<Line<'a>> {
    let newest = |group| starved.iter().filter(|word| word.group == group).map(|word| word.term).max();
    let lasting = starved.iter().filter(|word| {
        word.lasts >= sight.silence.saturating_add(STARVED_MARGIN) && newest(word.group) == Some(word.term)
    });
    let mut lines: Vec<Line<'a>> = lasting
        .filter_map(|starved| {
            let region = |id: NodeId| sight.nodes.get(&id).map(|info| &info.region);
            let (holder, leader) = (region(starved.holder)?, region(starved.leader)?);
            let serves = situation.plan.state_of(holder) != RegionState::Evacuated;
            let lost = is_lost(situation, holder) || is_lost(situation, leader);
            (serves && !lost && holder != leader).then_some(Line { group: starved.group, holder, leader, starved })
        })
        .collect();
    lines.sort_by_key(|line| (line.group, line.holder, line.leader));
    lines.dedup_by_key(|line| (line.group, line.holder, line.leader));
    lines
}

/// Returns the ends that may be taken out.
fn ends<'a>(situation: &Situation<'_>, sight: &Sight<'_>, line: &Line<'a>) -> Vec<&'a RegionId> {
    let of_leader = sight.nodes.values().filter(|info| info.region == *line.leader);
    let witness = of_leader.into_iter().all(|info| info.kind == RegionKind::Witness);
    match situation.plan.state_of(line.leader) {
        _ if witness => vec![line.holder],
        RegionState::Evacuated => Vec::new(),
        RegionState::Active | RegionState::Standby => vec![line.holder, line.leader],
    }
}

/// Orders the ends of a line: the lowest goes.
fn worth<'a>(
    situation: &Situation<'_>,
    sight: &Sight<'_>,
    lines: &[Line<'_>],
    end: &'a RegionId,
) -> (usize, usize, usize, bool, u32, Reverse<&'a RegionId>) {
    let starved_without: BTreeSet<GroupId> =
        lines.iter().filter(|line| line.holder != end).map(|line| line.group).collect();
    let active = situation.plan.state_of(end) == RegionState::Active;
    let weight = situation.plan.weights.get(end).copied().unwrap_or(0);
    let mut staying = in_service(situation, sight);
    staying.retain(|id| sight.nodes.get(id).is_none_or(|info| info.region != *end));
    (unled(sight, &staying), heard_by(sight, end), starved_without.len(), active, weight, Reverse(end))
}

/// Lists the nodes that the plan gives traffic.
fn in_service(situation: &Situation<'_>, sight: &Sight<'_>) -> Vec<NodeId> {
    let serves =
        |region: &RegionId| situation.plan.state_of(region) != RegionState::Evacuated && !is_lost(situation, region);
    sight.nodes.values().filter(|info| serves(&info.region)).map(|info| info.id).collect()
}

/// Counts of these nodes those that the node misses which hears most of them.
fn unled(sight: &Sight<'_>, serving: &[NodeId]) -> usize {
    let missed =
        |leader: &NodeId| serving.iter().filter(|id| **id != *leader && !sight.connected(*leader, **id)).count();
    sight.nodes.keys().map(missed).min().unwrap_or(0)
}

/// Counts the regions of which some node hears some node of a region.
fn heard_by(sight: &Sight<'_>, region: &RegionId) -> usize {
    let regions: BTreeSet<&RegionId> = sight.nodes.values().map(|info| &info.region).collect();
    regions.into_iter().filter(|observer| *observer != region && sight.region_hears(observer, region)).count()
}

fn why(sight: &Sight<'_>, lines: &[Line<'_>], line: &Line<'_>, leaving: &RegionId) -> Why {
    let (low, high) = (line.holder.min(line.leader), line.holder.max(line.leader));
    let staying = if leaving == line.holder { line.leader } else { line.holder };
    let mut evidence = BTreeMap::from([
        ("cut_line".to_owned(), format!("{low} - {high}")),
        (format!("heard_by.{low}"), format!("{} other regions", heard_by(sight, low))),
        (format!("heard_by.{high}"), format!("{} other regions", heard_by(sight, high))),
        ("silence_needed".to_owned(), format!("{} ms", sight.silence.saturating_add(STARVED_MARGIN).as_millis())),
    ]);
    let same =
        lines.iter().filter(|other| (other.holder.min(other.leader), other.holder.max(other.leader)) == (low, high));
    for Line { group, starved, .. } in same.take(EVIDENCE_MAX) {
        let Starved { holder, leader, lasts, .. } = starved;
        let text = format!("node {holder} had no lease from node {leader} for {} ms", lasts.as_millis());
        evidence.insert(format!("starved.{group}"), text);
    }
    let reason = format!("the line {low} - {high} is cut, and no leader hears both: {staying} sends for {leaving}");
    Why { author: Author::Automatic, reason, evidence }
}
