//! What each caller may use of this node: bytes of requests in memory, and requests a second. Both listeners count in
//! the same quotas. No clock and no waiting in here: time is passed in, and whoever is over a quota is told at once.

mod budget;
mod rate;

pub(crate) use budget::{Payer, Share};
pub use rate::Rate;

use std::sync::Arc;
use std::time::Duration;

use model::time::BootTime;

use crate::keys::{KeyStore, KnownKey};
use budget::Budgets;
use rate::Bucket;

/// The sizes of the quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLimits {
    /// The largest sum of all requests in memory, in bytes; at least 16 MiB.
    pub bytes: usize,
    /// How many requests a second each key may make.
    pub rate: Rate,
}

impl Default for QuotaLimits {
    fn default() -> QuotaLimits {
        QuotaLimits { bytes: 256 << 20, rate: Rate { per_second: 10_000, burst: 20_000 } }
    }
}

/// The quotas of a node's callers.
pub struct Quotas {
    budgets: Arc<Budgets>,
    buckets: Vec<Bucket>,
    rate: Rate,
}

impl Quotas {
    /// Builds the quotas of the keys. Those that come later share the quotas of present ones, or one among themselves
    /// when there are none.
    pub fn new(keys: &KeyStore, limits: QuotaLimits) -> Quotas {
        let count = keys.len().max(1);
        let buckets = (0..count).map(|_| Bucket::default()).collect();
        Quotas { budgets: Budgets::new(limits.bytes, count), buckets, rate: limits.rate }
    }

    /// Begins to count a request's bytes.
    pub(crate) fn share(&self, payer: Payer) -> Share {
        Share::new(&self.budgets, payer)
    }

    /// Counts a request of a key; refused with the time after which one more is allowed.
    pub(crate) fn request(&self, known: &KnownKey, now: BootTime) -> Result<(), Duration> {
        self.buckets[known.place % self.buckets.len()].take(self.rate, now)
    }
}

#[cfg(test)]
mod tests {
    use policy::{Grant, Principal};

    use super::*;
    use crate::keys::Key;
    use crate::limits::BODY_MAX;

    fn key(id: &str) -> Key {
        let principal = Principal { name: id.into() };
        Key { id: id.into(), secret: "s".into(), principal, grant: Grant::Everything }
    }

    #[test]
    fn a_key_that_came_later_has_a_rate_and_a_budget_too() {
        let limits = QuotaLimits { rate: Rate { per_second: 1, burst: 1 }, ..QuotaLimits::default() };
        for first in [vec![], vec!["A"], vec!["A", "B"]] {
            let store = KeyStore::new(first.into_iter().map(key)).unwrap();
            let quotas = Quotas::new(&store, limits);
            store.replace(["C", "D", "E"].map(key)).unwrap();
            for id in ["C", "D", "E"] {
                let known = store.find(id).unwrap();
                assert!((0..2).any(|_| quotas.request(&known, BootTime(0)).is_err()), "{id} has no rate");
                assert!(quotas.share(Payer::key(&known)).take(2 * BODY_MAX).is_ok(), "{id} has no budget");
            }
        }
    }
}
