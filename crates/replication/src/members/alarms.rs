//! The alarms of this node's replication: its faults, its groups, its peers, its clock and its lines. What they are made
//! from is collected first, so that each can be raised without a cluster. One condition is told once: of a group without
//! a majority it isn't told that it gives no lease.

use std::collections::BTreeMap;
use std::time::Duration;

use model::alarm::{Alarm, AlarmName};
use model::id::{GroupId, LogIndex, NodeId};
use service::ports::GroupStatus;
use traffic::cluster_time::TimeStatus;

use crate::node::shared::Node;
use crate::time::alarms::alarms as time_alarms;

/// A replica that lacks more entries than this is worth an operator's look.
const LAG_MAX: u64 = 10_000;
/// What a round trip may take beyond the configured one at least, whatever that is: so much is a busy machine.
const ROUND_TRIP_MARGIN_MIN: Duration = Duration::from_millis(20);

/// What the alarms of a node are made from.
pub(crate) struct Signs {
    pub(crate) node: NodeId,
    /// Why the node must stop.
    pub(crate) fatal: Option<String>,
    /// The nodes that are not taken for members, or don't take this one for one, with the reasons.
    pub(crate) refusals: BTreeMap<NodeId, String>,
    pub(crate) time: TimeStatus,
    /// Replicas elsewhere that differ from the one here, with the entry at which that was seen.
    pub(crate) differing: Vec<(GroupId, NodeId, LogIndex)>,
    pub(crate) groups: Vec<GroupStatus>,
    /// The groups of which this node heard neither a leader nor, as the leader, a majority for W.
    pub(crate) alone: Vec<GroupId>,
    /// Whether this node sends.
    pub(crate) sends: bool,
    /// The shortest round trips of late.
    pub(crate) round_trips: BTreeMap<NodeId, Duration>,
    /// The configured one.
    pub(crate) round_trip: Duration,
}

/// Collects them.
pub(crate) fn signs(node: &Node, groups: &[GroupStatus]) -> Signs {
    let differing = node.hosted().flat_map(|group| {
        let others = group.hashes.differing().into_iter();
        others.map(|(other, index)| (group.id, other, index)).collect::<Vec<_>>()
    });
    let alone = node.hosted().filter(|group| !group.lease.in_contact(node.now(), node.timing.lapse()));
    Signs {
        node: node.id,
        fatal: node.fatal.reason().map(|fault| fault.to_string()),
        refusals: node.peers.refusals(),
        time: node.time.status(),
        differing: differing.collect(),
        groups: groups.to_vec(),
        alone: alone.map(|group| group.id).collect(),
        sends: node.holder().is_some(),
        round_trips: node.round_trips.shortest(node.now()),
        round_trip: node.timing.round_trip(),
    }
}

/// Raises what the signs call for, in no order.
pub(crate) fn alarms(signs: &Signs) -> Vec<Alarm> {
    let mut alarms = node_alarms(signs);
    alarms.extend(time_alarms(signs.node, &signs.time));
    alarms.extend(group_alarms(signs));
    let limit = signs.round_trip + (signs.round_trip / 2).max(ROUND_TRIP_MARGIN_MIN);
    let over = signs.round_trips.iter().filter(|(_, took)| **took > limit);
    alarms.extend(over.map(|(node, took)| {
        let text = format!(
            "a round trip to node {node} takes {} ms at the least; {} ms are configured",
            took.as_millis(),
            signs.round_trip.as_millis()
        );
        Alarm::new(AlarmName::RoundTripOver, format!("node {node}"), text)
    }));
    alarms
}

fn node_alarms(signs: &Signs) -> Vec<Alarm> {
    let own = format!("node {}", signs.node);
    let broken = signs.fatal.iter().map(|reason| Alarm::new(AlarmName::NodeBroken, own.clone(), reason.clone()));
    let refused = signs.refusals.iter().map(|(node, reason)| {
        let text = format!("node {node} is not taken for a member, or doesn't take this one for one: {reason}");
        Alarm::new(AlarmName::NodeRefused, format!("node {node}"), text)
    });
    let mut differing: BTreeMap<NodeId, Vec<(GroupId, LogIndex)>> = BTreeMap::new();
    for (group, node, index) in &signs.differing {
        differing.entry(*node).or_default().push((*group, *index));
    }
    let differs = differing.into_iter().map(|(node, places)| {
        let groups = listed(places.iter().map(|(group, _)| *group));
        let at: Vec<String> = places.iter().map(|(_, index)| index.to_string()).collect();
        let text =
            format!("the replicas of {groups} on node {node} differ from those here, at entry {}", at.join(", "));
        Alarm::new(AlarmName::ReplicaDiffers, format!("node {node}"), text)
    });
    broken.chain(refused).chain(differs).collect()
}

fn group_alarms(signs: &Signs) -> Vec<Alarm> {
    // A group without a leader for a moment elects one.
    let lost = |status: &&GroupStatus| signs.alone.contains(&status.group);
    let lost: Vec<GroupId> = signs.groups.iter().filter(lost).map(|status| status.group).collect();
    let mut alarms = Vec::new();
    if !lost.is_empty() {
        let text = format!(
            "this node hears neither a leader nor a majority of {} of its {} groups",
            lost.len(),
            signs.groups.len()
        );
        alarms.push(Alarm::new(AlarmName::MajorityLost, listed(lost.iter().copied()), text));
    }
    // A learner gets none (R14).
    let due =
        |status: &GroupStatus| signs.sends && status.voters.contains(&signs.node) && !lost.contains(&status.group);
    let lapsed = |status: &&GroupStatus| due(status) && status.lease_left.is_none();
    let lapsed: Vec<GroupId> = signs.groups.iter().filter(lapsed).map(|status| status.group).collect();
    if !lapsed.is_empty() {
        let groups = listed(lapsed.into_iter());
        let text = format!("node {} holds no send lease of {groups}", signs.node);
        alarms.push(Alarm::new(AlarmName::NoSendLease, groups, text));
    }
    let mut behind: BTreeMap<NodeId, Vec<(GroupId, u64)>> = BTreeMap::new();
    for status in &signs.groups {
        for (follower, index) in &status.replicated {
            let lag = status.last.0.saturating_sub(index.0);
            if lag > LAG_MAX {
                behind.entry(*follower).or_default().push((status.group, lag));
            }
        }
    }
    alarms.extend(behind.into_iter().map(|(node, lags)| {
        let most = lags.iter().map(|(_, lag)| *lag).max().unwrap_or_default();
        let groups = listed(lags.into_iter().map(|(group, _)| group));
        Alarm::new(AlarmName::ReplicaBehind, format!("node {node}"), format!("it is {most} entries behind in {groups}"))
    }));
    alarms
}

/// Names groups, runs of them shortened: `group 3`, `groups 0-4, 7`.
fn listed(groups: impl Iterator<Item = GroupId>) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for GroupId(number) in groups {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let shown = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let word = if matches!(runs.as_slice(), [(first, last)] if first == last) { "group" } else { "groups" };
    format!("{word} {}", runs.iter().map(shown).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use model::id::Term;
    use traffic::cluster_time::Source;

    use super::*;

    fn group(number: u16) -> GroupStatus {
        GroupStatus {
            group: GroupId(number),
            leader: Some(NodeId(2)),
            term: Term(1),
            last: LogIndex(20_000),
            committed: LogIndex(20_000),
            applied: LogIndex(20_000),
            replicated: BTreeMap::from([(NodeId(3), LogIndex(10_000))]),
            voters: vec![NodeId(1)],
            learners: Vec::new(),
            version: 1,
            lease_left: Some(Duration::from_millis(500)),
        }
    }

    /// A node that has nothing to say.
    fn fine() -> Signs {
        let time = TimeStatus {
            time: None,
            source: Source::Line,
            median: None,
            leap: None,
            ahead_ms: None,
            off_ms: None,
            others_off_ms: BTreeMap::new(),
        };
        Signs {
            node: NodeId(1),
            fatal: None,
            refusals: BTreeMap::new(),
            time,
            differing: Vec::new(),
            groups: (0..5).map(group).collect(),
            alone: Vec::new(),
            sends: true,
            round_trips: BTreeMap::from([(NodeId(2), Duration::from_millis(120))]),
            round_trip: Duration::from_millis(80),
        }
    }

    fn raised(signs: &Signs) -> Vec<(AlarmName, String)> {
        alarms(signs).into_iter().map(|alarm| (alarm.name, alarm.subject)).collect()
    }

    #[test]
    fn a_healthy_node_raises_nothing() {
        assert_eq!(alarms(&fine()), []);
    }

    #[test]
    fn a_lost_majority_is_one_alarm_whatever_groups_it_is_of() {
        let mut signs = fine();
        for status in &mut signs.groups {
            status.lease_left = None;
        }
        assert_eq!(raised(&signs), [(AlarmName::NoSendLease, "groups 0-4".to_owned())]);
        signs.alone = (0..5).map(GroupId).collect();
        assert_eq!(raised(&signs), [(AlarmName::MajorityLost, "groups 0-4".to_owned())]);
        signs.alone = vec![GroupId(0), GroupId(3), GroupId(4)];
        let expected =
            [(AlarmName::MajorityLost, "groups 0, 3-4".to_owned()), (AlarmName::NoSendLease, "groups 1-2".to_owned())];
        assert_eq!(raised(&signs), expected);
        signs.sends = false;
        assert_eq!(raised(&signs), expected[..1], "a witness holds no leases");
        signs.sends = true;
        for status in &mut signs.groups {
            (status.voters, status.learners) = (Vec::new(), vec![NodeId(1)]);
        }
        assert_eq!(raised(&signs), expected[..1], "nor does a learner");
    }

    #[test]
    fn what_is_wrong_with_a_node_is_told_once_for_each() {
        let mut signs = fine();
        signs.fatal = Some("the disk is full".to_owned());
        signs.refusals.insert(NodeId(4), "it is of another cluster".to_owned());
        signs.differing = vec![(GroupId(1), NodeId(3), LogIndex(64)), (GroupId(2), NodeId(3), LogIndex(128))];
        signs.groups[1].replicated.insert(NodeId(3), LogIndex(9_999));
        signs.groups[2].replicated.insert(NodeId(3), LogIndex(0));
        let expected = [
            (AlarmName::NodeBroken, "node 1".to_owned()),
            (AlarmName::NodeRefused, "node 4".to_owned()),
            (AlarmName::ReplicaDiffers, "node 3".to_owned()),
            (AlarmName::ReplicaBehind, "node 3".to_owned()),
        ];
        assert_eq!(raised(&signs), expected);
        let told = alarms(&signs);
        assert!(told[2].text.contains("groups 1-2") && told[2].text.contains("64, 128"), "{told:?}");
        assert!(told[3].text.contains("20000 entries"), "{told:?}");
    }

    #[test]
    fn a_round_trip_that_the_configuration_denies_is_told() {
        for (configured, fine_ms, over_ms) in [(80, 120, 121), (5, 25, 50), (1_000, 1_500, 1_501)] {
            let mut signs = fine();
            signs.round_trip = Duration::from_millis(configured);
            signs.round_trips = BTreeMap::from([(NodeId(2), Duration::from_millis(fine_ms))]);
            assert_eq!(raised(&signs), []);
            signs.round_trips.insert(NodeId(3), Duration::from_millis(over_ms));
            assert_eq!(raised(&signs), [(AlarmName::RoundTripOver, "node 3".to_owned())]);
            let text = &alarms(&signs)[0].text;
            assert!(text.contains(&format!("{over_ms} ms")) && text.contains(&format!("{configured} ms")), "{text}");
        }
    }
}
