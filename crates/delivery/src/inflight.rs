//! Which dispatches of one partition were begun and are not settled, so that *drained* can be told (docs/lease.md,
//! R11). Decides nothing about them.

use std::collections::BTreeMap;

use model::{Epoch, MessageId};

/// A dispatch that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InflightAttempt {
    /// Its number; from 1.
    pub attempt: u32,
    /// The plan that the partition had adopted when it was begun.
    pub epoch: Epoch,
}

/// The dispatches that were begun and are not settled; at most one per message.
#[derive(Debug, Clone, Default)]
pub struct Inflight {
    begun: BTreeMap<MessageId, InflightAttempt>,
    by_epoch: BTreeMap<Epoch, usize>,
}

impl Inflight {
    /// Records that a dispatch begins. Returns whether it may: not when an earlier one of the message isn't settled.
    #[must_use]
    pub fn begin(&mut self, message: MessageId, begun: InflightAttempt) -> bool {
        if self.begun.contains_key(&message) {
            return false;
        }
        self.begun.insert(message, begun);
        *self.by_epoch.entry(begun.epoch).or_default() += 1;
        debug_assert!(self.invariant_counted());
        true
    }

    /// Records that the results of a message's dispatches up to number `attempts` are recorded. Returns whether that
    /// settled one; older news changes nothing.
    pub fn settled(&mut self, message: MessageId, attempts: u32) -> bool {
        let Some(begun) = self.begun.get(&message).copied().filter(|begun| begun.attempt <= attempts) else {
            return false;
        };
        self.begun.remove(&message);
        if let Some(count) = self.by_epoch.get_mut(&begun.epoch) {
            *count -= 1;
            if *count == 0 {
                self.by_epoch.remove(&begun.epoch);
            }
        }
        debug_assert!(self.invariant_counted());
        true
    }

    /// Returns the unsettled dispatch of a message.
    pub fn get(&self, message: MessageId) -> Option<InflightAttempt> {
        self.begun.get(&message).copied()
    }

    /// Says whether everything begun before the plan `adopted` is settled. Dispatches begun under it are of messages
    /// that it leaves where they are.
    pub fn drained(&self, adopted: Epoch) -> bool {
        self.by_epoch.range(..adopted).next().is_none()
    }

    /// Returns how many dispatches are begun and not settled.
    pub fn len(&self) -> usize {
        self.begun.len()
    }

    /// Returns whether everything begun is settled.
    pub fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// Says that the counts by epoch are those of the dispatches.
    pub fn invariant_counted(&self) -> bool {
        self.by_epoch.values().sum::<usize>() == self.begun.len() && self.by_epoch.values().all(|count| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn begun(attempt: u32, epoch: u64) -> InflightAttempt {
        InflightAttempt { attempt, epoch: Epoch(epoch) }
    }

    #[test]
    fn drained_waits_for_what_was_begun_under_earlier_plans() {
        let mut inflight = Inflight::default();
        assert!(inflight.begin(MessageId(1), begun(1, 3)));
        assert!(inflight.begin(MessageId(2), begun(1, 4)));
        assert!(inflight.drained(Epoch(3)));
        assert!(!inflight.drained(Epoch(4)));
        assert!(inflight.settled(MessageId(1), 1));
        assert!(inflight.drained(Epoch(4)));
        assert!(!inflight.drained(Epoch(5)));
    }

    #[test]
    fn a_message_is_begun_once_at_a_time_and_settled_by_its_own_attempt() {
        let mut inflight = Inflight::default();
        assert!(inflight.begin(MessageId(1), begun(2, 1)));
        assert!(!inflight.begin(MessageId(1), begun(3, 1)));
        assert!(!inflight.settled(MessageId(1), 1));
        assert!(inflight.settled(MessageId(1), 2));
        assert!(!inflight.settled(MessageId(1), 2));
        assert!(inflight.begin(MessageId(1), begun(3, 1)));
    }

    proptest! {
        #[test]
        fn drained_is_what_a_plain_list_says(
            steps in proptest::collection::vec((any::<bool>(), 0_u128..8, 1_u32..4, 0_u64..5), 0..200)
        ) {
            let mut inflight = Inflight::default();
            let mut list: Vec<(u128, u32, u64)> = Vec::new();
            for (begins, message, attempt, epoch) in steps {
                if begins {
                    let free = list.iter().all(|(known, ..)| *known != message);
                    prop_assert_eq!(inflight.begin(MessageId(message), begun(attempt, epoch)), free);
                    if free {
                        list.push((message, attempt, epoch));
                    }
                } else {
                    let before = list.len();
                    list.retain(|(known, number, _)| *known != message || *number > attempt);
                    prop_assert_eq!(inflight.settled(MessageId(message), attempt), list.len() < before);
                }
                for adopted in 0..6 {
                    prop_assert_eq!(inflight.drained(Epoch(adopted)), list.iter().all(|(.., begun)| *begun >= adopted));
                }
                prop_assert_eq!(inflight.len(), list.len());
            }
        }
    }
}
