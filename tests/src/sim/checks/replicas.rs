//! What all promises rest on: replicas that are the same, tables that keep their rules, nodes that don't stop, a time
//! that no single clock moves.

use super::evidence::Evidence;

/// At the end all replicas of a group applied the same entries to the same effect.
pub fn replicas_agree(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
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

/// The tables of every replica keep the rules of the registry.
pub fn tables_keep_their_rules(evidence: &Evidence<'_>) -> Vec<String> {
    let broken = evidence
        .replicas
        .iter()
        .flat_map(|(region, replica)| replica.broken.iter().map(move |broken| format!("{region}: {broken}")));
    broken.collect()
}

/// No version is raised while a node runs a build that doesn't know it, and has done so for long enough to be heard.
pub fn a_version_waits_for_every_build(evidence: &Evidence<'_>) -> Vec<String> {
    evidence.builds.to_vec()
}

/// No node stops by itself, and nothing panics: no disk was at fault.
pub fn nodes_live_on(evidence: &Evidence<'_>) -> Vec<String> {
    evidence.records.stops.iter().chain(evidence.panics).cloned().collect()
}

/// No group is ever more than a second off true time, whatever one node's wall clock shows.
pub fn time_follows_no_single_clock(evidence: &Evidence<'_>) -> Vec<String> {
    evidence.records.times_off.clone()
}
