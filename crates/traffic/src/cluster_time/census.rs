//! What the clocks say at one moment: one vote for each region, because a group has one voter in each.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::RegionId;

use super::Offset;

/// The votes at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Census {
    /// The wall clocks of the regions that were heard of, and of this one; ascending.
    walls: Vec<Offset>,
    /// What the other regions take for the cluster's time; ascending.
    times: Vec<Offset>,
    /// How many regions are more than half.
    majority: usize,
    agree_max: Duration,
}

impl Census {
    /// Counts; of several nodes of one region the lower median speaks for it.
    pub(super) fn new(
        walls: BTreeMap<&RegionId, Vec<Offset>>,
        times: BTreeMap<&RegionId, Vec<Offset>>,
        regions: usize,
        agree_max: Duration,
    ) -> Census {
        let count = |votes: BTreeMap<&RegionId, Vec<Offset>>| {
            let mut votes: Vec<Offset> = votes.into_values().filter_map(lower_median).collect();
            votes.sort_unstable();
            votes
        };
        Census { walls: count(walls), times: count(times), majority: regions / 2 + 1, agree_max }
    }

    /// Returns the lower median of what other regions take for the cluster's time.
    pub(super) fn time_elsewhere(&self) -> Option<Offset> {
        lower_median(self.times.clone())
    }

    /// Returns the lower median of the wall clocks, however few there are.
    pub(super) fn lower(&self) -> Option<Offset> {
        lower_median(self.walls.clone())
    }

    /// Returns the median of the wall clocks, if a majority of the regions agrees with it.
    pub(super) fn agreed(&self) -> Option<Offset> {
        self.supported(&self.walls)
    }

    /// Returns the median of the wall clocks; of two, the one that is nearer to `line`. Nothing unless those that agree
    /// with it are a majority of the regions. In this, `line` counts as one more that is known: so one wrong clock of
    /// two can't win against it.
    pub(super) fn agreed_beside(&self, line: Offset) -> Option<Offset> {
        let len = self.walls.len();
        if len < self.majority {
            return None;
        }
        let (lower, upper) = (self.walls[(len - 1) / 2], self.walls[len / 2]);
        let median = if lower.distance(line) <= upper.distance(line) { lower } else { upper };
        let beside = usize::from(self.agree(median, line));
        (self.count(&self.walls, median) + beside >= self.majority).then_some(median)
    }

    /// Returns what other regions agree to be the cluster's time although this node's line says otherwise: its machine
    /// was stopped with all its clocks, or it heard nobody for long. The wall clocks that agree count like one more
    /// region, but not without any.
    pub(super) fn outvotes(&self, line: Offset) -> Option<Offset> {
        if self.times.is_empty() {
            return None;
        }
        let mut votes = self.times.clone();
        votes.extend(self.agreed());
        votes.sort_unstable();
        self.supported(&votes).filter(|time| !self.agree(*time, line))
    }

    fn supported(&self, votes: &[Offset]) -> Option<Offset> {
        let median = lower_median(votes.to_vec())?;
        (self.count(votes, median) >= self.majority).then_some(median)
    }

    fn count(&self, votes: &[Offset], with: Offset) -> usize {
        votes.iter().filter(|vote| self.agree(**vote, with)).count()
    }

    fn agree(&self, a: Offset, b: Offset) -> bool {
        a.distance(b) <= self.agree_max
    }
}

fn lower_median(mut votes: Vec<Offset>) -> Option<Offset> {
    votes.sort_unstable();
    let middle = votes.len().checked_sub(1)? / 2;
    votes.get(middle).copied()
}
