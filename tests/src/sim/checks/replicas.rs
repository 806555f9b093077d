//! What all promises rest on: replicas that are the same, tables that keep their rules, nodes that don't stop, a time
//! that no single clock moves.

use model::id::NodeId;

use super::evidence::Evidence;
use crate::sim::faults::{Fault, Tick};
use crate::sim::layout::name;

/// What a node says that stops for want of room.
const NO_ROOM: &str = "no space";
/// How soon it must stop. Each of its groups' leaders writes a heartbeat's commit, or a client's write, before.
const STOPS_WITHIN_MS: Tick = 2_000;

/// All replicas of a group apply the same entries to the same effect, in every step.
pub fn replicas_agree(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = evidence.records.differences.clone();
    let mut replicas = evidence.replicas.iter();
    let Some((first_region, first)) = replicas.next() else { return vec!["there are no replicas".to_owned()] };
    for (region, replica) in replicas {
        for (group, (index, chain)) in &replica.groups {
            let Some((first_index, first_chain)) = first.groups.get(group) else { continue };
            if index == first_index && chain != first_chain {
                found.push(format!("{first_region} and {region} differ in group {group} at entry {index}"));
            }
        }
    }
    found
}

/// The tables of every replica keep the rules of the registry, all the time.
pub fn tables_keep_their_rules(evidence: &Evidence<'_>) -> Vec<String> {
    let broken = evidence
        .replicas
        .iter()
        .flat_map(|(region, replica)| replica.broken.iter().map(move |broken| format!("{region}: {broken}")));
    evidence.records.broken_rules.iter().cloned().chain(broken).collect()
}

/// No version is raised while a node runs a build that doesn't know it, and has done so for long enough to be heard.
pub fn a_version_waits_for_every_build(evidence: &Evidence<'_>) -> Vec<String> {
    evidence.builds.to_vec()
}

/// No node stops by itself but for want of room on its disk, and nothing panics.
pub fn nodes_live_on(evidence: &Evidence<'_>) -> Vec<String> {
    let stops = evidence.records.stops.iter();
    let without_cause = stops.filter(|(at, node, reason)| {
        let full = full_disks(evidence).any(|(of, from, to)| of == *node && (from..=to).contains(at));
        !full || !reason.contains(NO_ROOM)
    });
    let stops = without_cause.map(|(at, node, reason)| format!("{} at {at} ms: {reason}", name(*node)));
    stops.chain(evidence.panics.iter().cloned()).collect()
}

/// A node whose disk is full stops in time, and says why: so it gives up its leases and leaderships, and others take
/// over. A node outside the cluster is sent nothing to write, and one that is lost for good doesn't run.
pub fn a_full_disk_stops_its_node(evidence: &Evidence<'_>) -> Vec<String> {
    let outside = |node, from| {
        let mut spans = evidence.records.outside.iter();
        spans.any(|(of, since, to)| *of == node && *since <= from + STOPS_WITHIN_MS && to.is_none_or(|to| from <= to))
    };
    let long = full_disks(evidence).filter(|(_, from, to)| from + STOPS_WITHIN_MS < *to);
    let lost = |node, from| {
        let mut spans = evidence.records.faults.iter().filter(|span| span.fault == Fault::Lose(node));
        spans.any(|span| span.from <= from && span.to.is_none_or(|to| from <= to))
    };
    let long = long.filter(|(node, from, _)| !outside(*node, *from) && !lost(*node, *from));
    let going_on = long.filter(|(node, from, _)| {
        let mut stops = evidence.records.stops.iter();
        !stops.any(|(at, of, _)| of == node && (*from..from + STOPS_WITHIN_MS).contains(at))
    });
    let told = |node, from| format!("{} goes on although its disk is full since {from} ms", name(node));
    going_on.map(|(node, from, _)| told(node, from)).collect()
}

/// Returns which node's disk was full, from when to when.
fn full_disks(evidence: &Evidence<'_>) -> impl Iterator<Item = (NodeId, Tick, Tick)> {
    evidence.records.faults.iter().filter_map(|span| match span.fault {
        Fault::FullDisk(node) => Some((node, span.from, span.to.unwrap_or(Tick::MAX))),
        _ => None,
    })
}

/// No group is ever more than a second off true time, whatever one node's wall clock shows.
pub fn time_follows_no_single_clock(evidence: &Evidence<'_>) -> Vec<String> {
    evidence.records.times_off.clone()
}
