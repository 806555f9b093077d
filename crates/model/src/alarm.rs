//! What an operator is told without asking: each alarm has a name that stays, a severity, and what to do. The table for
//! people is docs/alarms.md; a test compares it with the lists here.

use std::fmt;

/// How soon somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Messages wait, are lost to their time to live, or are in danger: now.
    Critical,
    /// Something isn't as configured, or the next fault would hurt: within hours.
    Warning,
}

/// Which alarm it is. The names are stable: dashboards and searches may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each one's condition says it")]
pub enum AlarmName {
    MajorityLost,
    NodeBroken,
    ProviderRefuses,
    RegionLost,
    ReplicaDiffers,
    ClockOff,
    ClocksDisagree,
    FindingNotFollowed,
    HeldMessages,
    LineCut,
    NoSendLease,
    NodeRefused,
    PlanFrozen,
    RegionEvacuated,
    RegionNotReady,
    ReplicaBehind,
    ReturnsUsedUp,
    RoundTripOver,
    TimeLeap,
    TimeUnknown,
    TrafficMoved,
}

/// Every alarm, by severity and name.
pub const ALARM_NAMES: [AlarmName; 21] = [
    AlarmName::MajorityLost,
    AlarmName::NodeBroken,
    AlarmName::ProviderRefuses,
    AlarmName::RegionLost,
    AlarmName::ReplicaDiffers,
    AlarmName::ClockOff,
    AlarmName::ClocksDisagree,
    AlarmName::FindingNotFollowed,
    AlarmName::HeldMessages,
    AlarmName::LineCut,
    AlarmName::NoSendLease,
    AlarmName::NodeRefused,
    AlarmName::PlanFrozen,
    AlarmName::RegionEvacuated,
    AlarmName::RegionNotReady,
    AlarmName::ReplicaBehind,
    AlarmName::ReturnsUsedUp,
    AlarmName::RoundTripOver,
    AlarmName::TimeLeap,
    AlarmName::TimeUnknown,
    AlarmName::TrafficMoved,
];

/// What is told of an alarm besides what is at fault.
struct Entry {
    name: &'static str,
    severity: Severity,
    condition: &'static str,
    remedy: &'static str,
}

/// An alarm that is raised now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// Which one.
    pub name: AlarmName,
    /// What it is about, as a region, a node or some groups. One name is raised at most once for one subject.
    pub subject: String,
    /// What is wrong, with the values that show it; for people.
    pub text: String,
}

impl Alarm {
    /// Raises an alarm.
    pub fn new(name: AlarmName, subject: impl Into<String>, text: impl Into<String>) -> Alarm {
        Alarm { name, subject: subject.into(), text: text.into() }
    }
}

impl AlarmName {
    /// Returns its name in the API, the metrics and the documentation.
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// Says how soon somebody must look.
    pub fn severity(self) -> Severity {
        self.entry().severity
    }

    /// Says when it is raised.
    pub fn condition(self) -> &'static str {
        self.entry().condition
    }

    /// Says what to do.
    pub fn remedy(self) -> &'static str {
        self.entry().remedy
    }

    #[expect(clippy::too_many_lines, reason = "a table")]
    fn entry(self) -> Entry {
        use Severity::{Critical, Warning};
        let (name, severity, condition, remedy) = match self {
            AlarmName::MajorityLost => (
                "majority_lost",
                Critical,
                "for the lapse W, this node heard no leader of a group, or as its leader no majority",
                "bring nodes back or mend the network until a majority of the regions is connected; nothing of these \
                 groups is accepted or sent before",
            ),
            AlarmName::NodeBroken => (
                "node_broken",
                Critical,
                "the node's disk, its state or one of its tasks is at fault, and it stops",
                "read the node's log, mend what it names, and start the node again",
            ),
            AlarmName::ProviderRefuses => (
                "provider_refuses",
                Critical,
                "the last 5 or more dispatches of a channel on this node were all refused or failed, the last one less \
                 than 10 minutes ago",
                "ask the provider, check its credentials and the channel's settings; if one region alone is refused, \
                 evacuate it",
            ),
            AlarmName::RegionLost => (
                "region_lost",
                Critical,
                "for the lapse W, a majority of the regions heard no node of a region",
                "bring the region or its network back, then run `signalbox traffic restore REGION`; if it still has a \
                 share, run `signalbox traffic evacuate REGION`",
            ),
            AlarmName::ReplicaDiffers => (
                "replica_differs",
                Critical,
                "a replica on another node has another state than the one here at the same entry",
                "the one that differs from all others is corrupt: stop its node and run `signalbox cluster rejoin` there",
            ),
            AlarmName::ClockOff => (
                "clock_off",
                Warning,
                "the node's wall clock is more than a second away from the cluster's time",
                "check the node's NTP; meanwhile it leads no group that another node can lead",
            ),
            AlarmName::ClocksDisagree => (
                "clocks_disagree",
                Warning,
                "the regions' wall clocks don't agree, and the lower one counts",
                "check NTP on every node",
            ),
            AlarmName::FindingNotFollowed => (
                "finding_not_followed",
                Warning,
                "a channel, or what goes to one destination, sends badly from a region, and a rule or the mode keeps it there",
                "read the finding and the rule in `signalbox health status`; move the traffic by hand with `signalbox \
                 traffic shift --channel`, if that is right",
            ),
            AlarmName::HeldMessages => (
                "held_messages",
                Warning,
                "messages are held: nobody knows whether they were dispatched",
                "ask the provider, then run `signalbox held list` and `signalbox held resolve`",
            ),
            AlarmName::LineCut => (
                "line_cut",
                Warning,
                "for 2 s and the lapse W, nodes of two regions did not hear each other, while a third region hears both",
                "mend the network between the two regions; a majority may depend on the third one alone; restore a region that \
                 was evacuated because of it",
            ),
            AlarmName::NoSendLease => (
                "no_send_lease",
                Warning,
                "this node holds no send lease of a group whose leader it hears, and sends none of its messages",
                "wait a few seconds after a start or an election; if it stays, look at the node's load and its lag",
            ),
            AlarmName::NodeRefused => (
                "node_refused",
                Warning,
                "a node and this one don't take each other for members",
                "correct its address, its cluster.id or its certificate",
            ),
            AlarmName::PlanFrozen => (
                "plan_frozen",
                Warning,
                "a person froze a region, a channel or the whole plan: no loss and no finding changes it",
                "read in `signalbox traffic history` who did it and why, and end it with `signalbox traffic unfreeze`",
            ),
            AlarmName::RegionEvacuated => (
                "region_evacuated",
                Warning,
                "the traffic plan gives a region nothing, and it isn't lost",
                "when the reason is gone, run `signalbox traffic restore REGION`; after a restart it comes back by itself",
            ),
            AlarmName::RegionNotReady => (
                "region_not_ready",
                Warning,
                "for 5 s, a region that has a share of the traffic could not send, and isn't lost",
                "look at the node that is named; if it lasts, run `signalbox traffic evacuate REGION`",
            ),
            AlarmName::ReplicaBehind => (
                "replica_behind",
                Warning,
                "a replica lacks more than 10,000 entries of a group that this node leads",
                "look at the load, the disk and the network of its node",
            ),
            AlarmName::ReturnsUsedUp => (
                "returns_used_up",
                Warning,
                "a region got its traffic back as often within an hour as `failover.changes_per_hour_max` allows, and is \
                 out again",
                "find out why its nodes restart, then run `signalbox traffic restore REGION`",
            ),
            AlarmName::RoundTripOver => (
                "round_trip_over",
                Warning,
                "the shortest round trip to a node in 10 s is more than half, and more than 20 ms, longer than \
                 `cluster.round_trip_ms`",
                "mend the network, or set `cluster.round_trip_ms` on every node to what is measured and restart them",
            ),
            AlarmName::TimeLeap => (
                "time_leap",
                Warning,
                "the wall clocks of most regions leapt by more than an hour, and the cluster's time doesn't follow",
                "correct the clocks, or run `signalbox cluster accept-time` if they are right",
            ),
            AlarmName::TimeUnknown => (
                "time_unknown",
                Warning,
                "too few regions told their wall clocks yet",
                "bring nodes back or mend the network until a majority of the regions is connected",
            ),
            AlarmName::TrafficMoved => (
                "traffic_moved",
                Warning,
                "a channel, or what goes to one destination, sent badly from a region, and was moved to the others",
                "ask the provider what is wrong in that region; the traffic comes back by itself when it is well",
            ),
        };
        Entry { name, severity, condition, remedy }
    }
}

impl Severity {
    /// Returns its name in the API, the metrics and the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
        }
    }
}

impl fmt::Display for AlarmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_sorted_by_severity_and_name() {
        let keys = ALARM_NAMES.map(|name| (name.severity(), name.as_str()));
        assert!(keys.is_sorted_by(|left, right| left < right), "{keys:?}");
        // Adding a name without a place in the list fails here, because the order of the names is that of the enum.
        assert!(ALARM_NAMES.iter().enumerate().all(|(place, name)| *name as usize == place));
        assert_eq!(AlarmName::TrafficMoved as usize + 1, ALARM_NAMES.len());
    }
}
