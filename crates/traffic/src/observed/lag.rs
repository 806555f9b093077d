//! Whether this node's replicas apply in time. Events are counted when they are applied: on a replica that lags they
//! come late, and none may be missed for that.

use std::collections::{BTreeMap, VecDeque};

use model::{GroupId, LogIndex};

/// How many seconds after it is known to be committed an entry is applied at most, where nothing lags.
const LAG_MAX: u64 = 3;

/// What one replica has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct ReplicaProgress {
    pub group: GroupId,
    /// Up to where the group is committed, as this node knows.
    pub committed: LogIndex,
    /// Up to where it is applied here.
    pub applied: LogIndex,
}

/// What was committed in the last seconds.
#[derive(Debug, Default)]
pub struct Lag(VecDeque<(u64, BTreeMap<GroupId, LogIndex>)>);

impl Lag {
    /// Looks once a second. Says whether some replica hasn't applied what was committed three seconds ago.
    pub fn look(&mut self, second: u64, replicas: &[ReplicaProgress]) -> bool {
        while self.0.get(1).is_some_and(|(at, _)| at + LAG_MAX <= second) {
            self.0.pop_front();
        }
        let then = self.0.front().filter(|(at, _)| at + LAG_MAX <= second);
        let lags = |ReplicaProgress { group, applied, .. }: &ReplicaProgress| {
            then.and_then(|(_, committed)| committed.get(group)).is_some_and(|committed| applied < committed)
        };
        let lags = replicas.iter().any(lags);
        self.0.push_back((second, replicas.iter().map(|replica| (replica.group, replica.committed)).collect()));
        lags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(committed: u64, applied: u64) -> ReplicaProgress {
        ReplicaProgress { group: GroupId(1), committed: LogIndex(committed), applied: LogIndex(applied) }
    }

    #[test]
    fn a_replica_lags_when_what_was_committed_some_seconds_ago_is_not_applied() {
        let mut lag = Lag::default();
        assert!(!lag.look(100, &[replica(50, 10)]), "nobody knows yet since when");
        assert!(!lag.look(102, &[replica(70, 10)]), "two seconds are no lag");
        assert!(lag.look(103, &[replica(90, 49)]));
        assert!(!lag.look(104, &[replica(95, 50)]), "what was committed at 100 is there");
        assert!(lag.look(106, &[replica(99, 69)]) && !lag.look(107, &[replica(99, 99)]));
        assert!(!lag.look(200, &[]), "no replica is here any more");
        assert!(lag.0.len() <= 2 + LAG_MAX as usize);
    }
}
