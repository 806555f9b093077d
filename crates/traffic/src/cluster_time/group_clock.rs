//! The time of one group on one node: the cluster's, but never behind what the group was stamped with.

use model::time::{BootTime, Timestamp};

use super::Offset;

/// How fast a group's time goes while the cluster's is behind it: half as fast as it should, so that the two meet and
/// nothing that waits stands still.
const SLOW_PER_MILLE: u128 = 500;

/// One group's time, as far as a node knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupClock {
    /// The largest stamp, and when it was seen here.
    last: Timestamp,
    at: BootTime,
}

impl GroupClock {
    /// Begins with the largest stamp of the group's replica.
    pub fn new(last: Timestamp, now: BootTime) -> GroupClock {
        GroupClock { last, at: now }
    }

    /// Takes note of a stamp: of an entry that was applied, or of one that is about to be written here.
    pub fn stamped(&mut self, stamp: Timestamp, now: BootTime) {
        if stamp > self.last {
            *self = GroupClock { last: stamp, at: now };
        }
    }

    /// Returns the group's time. It never goes back on this node while `cluster` doesn't, nor behind a stamp.
    pub fn now(&self, cluster: Timestamp, now: BootTime) -> Timestamp {
        let slow = now.since(self.at).as_nanos() * SLOW_PER_MILLE / 1_000;
        let ahead = Offset::of(self.last, BootTime(0)).at(BootTime(u64::try_from(slow).unwrap_or(u64::MAX)));
        cluster.max(ahead)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_group_behind_the_cluster_goes_by_its_time() {
        let group = GroupClock::new(Timestamp(1_000), BootTime(0));
        assert_eq!(group.now(Timestamp(9_000), BootTime(0)), Timestamp(9_000));
    }

    #[test]
    fn a_group_ahead_of_the_cluster_waits_for_it_at_half_speed() {
        let mut group = GroupClock::new(Timestamp(1_000), BootTime(0));
        group.stamped(Timestamp(7_200_000), BootTime(0));
        group.stamped(Timestamp(2_000), BootTime(1_000_000_000));
        let at = |seconds| {
            let cluster = Timestamp(3_600_000 + seconds * 1_000);
            group.now(cluster, BootTime(0) + Duration::from_secs(seconds)).0
        };
        assert_eq!(at(0), 7_200_000);
        assert_eq!(at(3_600), 9_000_000);
        assert_eq!(at(7_200), 10_800_000);
        assert_eq!(at(9_000), 12_600_000);
    }
}
