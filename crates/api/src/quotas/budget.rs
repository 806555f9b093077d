//! Bytes of requests in memory. They are counted as they arrive, never by what is announced, and given back when the
//! request is answered.
//!
//! What must always hold: the sum never exceeds the total; no key exceeds its own part; and as long as the parts of all
//! keys together fit in the total, no key is refused for what another one uses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::keys::KnownKey;
use crate::limits::{BODY_MAX, MESSAGES_REQUEST_MAX};

/// The smallest and the largest part of a key, in bytes: two of the largest REST requests or one of the largest calls,
/// and what one key needs at most.
const KEY_MIN: usize = 2 * BODY_MAX;
const KEY_MAX: usize = 64 << 20;
/// The part that is for requests that name no key, such as providers' callbacks, in bytes.
const ANONYMOUS_MAX: usize = 8 << 20;
const _: () = assert!(KEY_MIN >= MESSAGES_REQUEST_MAX, "the largest call fits into the smallest part");

/// Who pays for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payer {
    /// The key at a place of the key store.
    Key(usize),
    /// Everybody who names no key.
    Anonymous,
}

/// The budgets of a node.
#[derive(Debug)]
pub(super) struct Budgets {
    total: Account,
    anonymous: Account,
    keys: Vec<Account>,
}

/// A sum with its limit.
#[derive(Debug)]
struct Account {
    used: AtomicUsize,
    max: usize,
}

/// What a request has of the budgets; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budgets: Arc<Budgets>,
    payer: Payer,
    bytes: AtomicUsize,
}

/// Says that a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded;

impl Payer {
    /// Says that a key pays.
    pub(crate) fn key(known: &KnownKey) -> Payer {
        Payer::Key(known.place)
    }
}

impl Budgets {
    /// Shares `total` bytes out among `keys` keys; at least one.
    pub(super) fn new(total: usize, keys: usize) -> Arc<Budgets> {
        let total = total.max(KEY_MIN + ANONYMOUS_MAX);
        let part = ((total - ANONYMOUS_MAX) / keys).clamp(KEY_MIN, KEY_MAX);
        let account = |max| Account { used: AtomicUsize::new(0), max };
        Arc::new(Budgets {
            total: account(total),
            anonymous: account(ANONYMOUS_MAX),
            keys: (0..keys).map(|_| account(part)).collect(),
        })
    }

    fn account(&self, payer: Payer) -> &Account {
        match payer {
            // A key that came later than the quotas shares those of another one.
            Payer::Key(place) => &self.keys[place % self.keys.len()],
            Payer::Anonymous => &self.anonymous,
        }
    }
}

impl Account {
    fn take(&self, bytes: usize) -> Result<(), Exceeded> {
        let add = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).map(|_| ()).map_err(|_| Exceeded)
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Share {
    pub(super) fn new(budgets: &Arc<Budgets>, payer: Payer) -> Share {
        Share { budgets: Arc::clone(budgets), payer, bytes: AtomicUsize::new(0) }
    }

    /// Counts bytes that arrived; refused, and not counted, when they are over the payer's part or the total.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Exceeded> {
        let own = self.budgets.account(self.payer);
        own.take(bytes)?;
        if let Err(exceeded) = self.budgets.total.take(bytes) {
            own.give_back(bytes);
            return Err(exceeded);
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        self.budgets.account(self.payer).give_back(bytes);
        self.budgets.total.give_back(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: usize = 1 << 20;

    #[derive(Debug, Clone)]
    enum Step {
        Begin(usize),
        Take(usize, usize),
        End(usize),
    }

    fn steps(keys: usize) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..=keys).prop_map(Step::Begin),
            (0_usize..64, 1..9 * MIB).prop_map(|(which, bytes)| Step::Take(which, bytes)),
            (0_usize..64).prop_map(Step::End),
        ];
        proptest::collection::vec(step, 1..200)
    }

    fn payer(number: usize, keys: usize) -> Payer {
        if number < keys { Payer::Key(number) } else { Payer::Anonymous }
    }

    fn used(account: &Account) -> usize {
        account.used.load(Ordering::Relaxed)
    }

    /// The sums are what the shares hold, within their limits.
    fn invariant_sums(budgets: &Budgets, shares: &[Share], keys: usize) {
        let held = |payer: Payer| {
            let own = shares.iter().filter(|share| share.payer == payer);
            own.map(|share| share.bytes.load(Ordering::Relaxed)).sum::<usize>()
        };
        let mut sum = 0;
        for payer in (0..=keys).map(|number| payer(number, keys)) {
            let account = budgets.account(payer);
            assert_eq!(held(payer), used(account));
            assert!(used(account) <= account.max);
            sum += used(account);
        }
        assert_eq!(sum, used(&budgets.total));
        assert!(sum <= budgets.total.max);
    }

    proptest! {
        #[test]
        fn what_is_given_back_is_what_was_taken(
            (keys, steps) in (1_usize..40).prop_flat_map(|keys| (Just(keys), steps(keys))),
            total in 1..400 * MIB,
        ) {
            let budgets = Budgets::new(total, keys);
            let parts = budgets.keys.iter().map(|account| account.max).sum::<usize>() + ANONYMOUS_MAX;
            let apart = parts <= budgets.total.max;
            let mut shares: Vec<Share> = Vec::new();
            for step in steps {
                match step {
                    Step::Begin(number) => shares.push(Share::new(&budgets, payer(number, keys))),
                    Step::Take(which, bytes) if !shares.is_empty() => {
                        let share = &shares[which % shares.len()];
                        let own = budgets.account(share.payer);
                        let fits = used(own) + bytes <= own.max;
                        let taken = share.take(bytes).is_ok();
                        prop_assert!(fits || !taken);
                        // No key is refused for what another one uses.
                        prop_assert!(!apart || taken == fits);
                    }
                    Step::End(which) if !shares.is_empty() => drop(shares.swap_remove(which % shares.len())),
                    Step::Take(..) | Step::End(_) => {}
                }
                invariant_sums(&budgets, &shares, keys);
            }
            drop(shares);
            invariant_sums(&budgets, &[], keys);
        }
    }

    #[test]
    fn a_key_has_room_for_the_largest_request() {
        for keys in [1, 10, 10_000] {
            let budgets = Budgets::new(0, keys);
            for bytes in [BODY_MAX, MESSAGES_REQUEST_MAX] {
                assert!(Share::new(&budgets, payer(0, keys)).take(bytes).is_ok(), "{keys}");
            }
        }
    }
}
