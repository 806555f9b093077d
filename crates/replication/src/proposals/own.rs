//! What this node's replica of a group saw of the proposals that callers here wait for. Whoever has no answer to a try
//! learns from it whether the try is in the log, and what was answered there. Pure: no clock, no IO.
//!
//! A proposal is watched from before it is handed in, so that nothing of it is missed, and not longer than its caller
//! waits: there are as many as there are callers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use model::id::LogIndex;
use model::outcome::Outcome;
use wire::ProposalMark;

use crate::proposals::done::Done;

/// What a replica saw of watched proposals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sighting {
    /// They are in none of the entries that were applied.
    Absent,
    /// They were applied, and answered so.
    Applied(Done),
    /// Entries came with a snapshot, and they may have been in these.
    Missed,
}

/// One group's watched proposals.
#[derive(Debug)]
pub(crate) struct OwnProposals {
    /// Random bits of this start: proposals of earlier ones, and of other nodes, are nobody's here.
    proposer: u64,
    watched: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    sightings: BTreeMap<u64, Sighting>,
}

/// Proposals that are watched until this is dropped.
#[derive(Debug)]
pub(crate) struct Watched {
    own: Arc<OwnProposals>,
    number: u64,
}

impl OwnProposals {
    pub(crate) fn new(proposer: u64) -> OwnProposals {
        OwnProposals { proposer, watched: Mutex::default() }
    }

    /// Watches proposals that are handed in together, under the mark that this gives them.
    pub(crate) fn watch(self: &Arc<OwnProposals>) -> Watched {
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        table.sightings.insert(number, Sighting::Absent);
        Watched { own: self.clone(), number }
    }

    /// Takes note of an entry that is applied, before anybody is told of its index. Entries come in order.
    pub(crate) fn applied(&self, index: LogIndex, proposals: &[Bytes], outcomes: &[Outcome]) {
        let mut table = None;
        for (bytes, outcome) in proposals.iter().zip(outcomes) {
            if let Some(mark) = ProposalMark::of(bytes).filter(|mark| mark.proposer == self.proposer) {
                table.get_or_insert_with(|| self.table()).saw(mark.number, index, outcome);
            }
        }
    }

    /// Takes note that a snapshot replaced the state, before anybody is told of its index.
    pub(crate) fn replaced(&self) {
        for sighting in self.table().sightings.values_mut() {
            if *sighting == Sighting::Absent {
                *sighting = Sighting::Missed;
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn saw(&mut self, number: u64, index: LogIndex, outcome: &Outcome) {
        match self.sightings.get_mut(&number) {
            Some(Sighting::Applied(done)) if done.index == index => done.outcomes.push(outcome.clone()),
            Some(Sighting::Applied(_)) | None => {}
            Some(sighting) => *sighting = Sighting::Applied(Done { outcomes: vec![outcome.clone()], index }),
        }
    }
}

impl Watched {
    /// Returns the mark that the proposals must carry.
    pub(crate) fn mark(&self) -> ProposalMark {
        ProposalMark { proposer: self.own.proposer, number: self.number }
    }

    /// Returns what was seen so far.
    pub(crate) fn sighting(&self) -> Sighting {
        self.own.table().sightings.get(&self.number).cloned().unwrap_or(Sighting::Absent)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.own.table().sightings.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use model::command::{Command, Proposal};
    use wire::Stored as _;

    use super::*;

    const PROPOSER: u64 = 11;

    fn own() -> Arc<OwnProposals> {
        Arc::new(OwnProposals::new(PROPOSER))
    }

    fn marked(mark: ProposalMark) -> Bytes {
        let mut bytes = Vec::new();
        mark.encode(&mut bytes);
        Proposal { request: None, command: Command::Fence }.encode(&mut bytes);
        bytes.into()
    }

    fn recorded(changed: u32) -> Outcome {
        Outcome::Recorded { changed }
    }

    #[test]
    fn what_was_merged_with_others_gets_its_own_answers() {
        let own = own();
        let (one, two, three) = (own.watch(), own.watch(), own.watch());
        let stranger = ProposalMark { proposer: PROPOSER + 1, ..one.mark() };
        let plain = Bytes::from(Proposal { request: None, command: Command::Fence }.encoded());
        let marks = [marked(stranger), marked(two.mark()), marked(two.mark()), plain, marked(one.mark())];
        let outcomes: Vec<Outcome> = (0..5).map(recorded).collect();
        own.applied(LogIndex(7), &marks, &outcomes);
        let applied = |outcomes| Sighting::Applied(Done { outcomes, index: LogIndex(7) });
        assert_eq!(one.sighting(), applied(vec![recorded(4)]));
        assert_eq!(two.sighting(), applied(vec![recorded(1), recorded(2)]));
        assert_eq!(three.sighting(), Sighting::Absent);
        own.applied(LogIndex(8), &[marked(one.mark())], &[recorded(9)]);
        assert_eq!(one.sighting(), applied(vec![recorded(4)]), "the first answer stands");
    }

    #[test]
    fn what_may_be_in_a_snapshot_is_not_known_to_be_absent() {
        let own = own();
        let (before, seen) = (own.watch(), own.watch());
        own.applied(LogIndex(1), &[marked(seen.mark())], &[recorded(1)]);
        own.replaced();
        let since = own.watch();
        assert_eq!(before.sighting(), Sighting::Missed);
        assert!(matches!(seen.sighting(), Sighting::Applied(_)));
        assert_eq!(since.sighting(), Sighting::Absent, "handed in after the snapshot");
        own.applied(LogIndex(5), &[marked(before.mark())], &[recorded(2)]);
        let done = Done { outcomes: vec![recorded(2)], index: LogIndex(5) };
        assert_eq!(before.sighting(), Sighting::Applied(done), "it was not in the snapshot");
    }

    #[test]
    fn what_nobody_waits_for_is_forgotten() {
        let own = own();
        let watched = own.watch();
        let bytes = marked(watched.mark());
        drop(watched);
        own.applied(LogIndex(1), &[bytes], &[recorded(1)]);
        assert!(own.table().sightings.is_empty());
    }
}
