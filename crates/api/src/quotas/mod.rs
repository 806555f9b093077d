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
    /// Builds the quotas of the keys.
    pub fn new(keys: &KeyStore, limits: QuotaLimits) -> Quotas {
        let buckets = (0..keys.len()).map(|_| Bucket::default()).collect();
        Quotas { budgets: Budgets::new(limits.bytes, keys.len()), buckets, rate: limits.rate }
    }

    /// Begins to count a request's bytes.
    pub(crate) fn share(&self, payer: Payer) -> Share {
        Share::new(&self.budgets, payer)
    }

    /// Counts a request of a key; refused with the time after which one more is allowed.
    pub(crate) fn request(&self, known: &KnownKey, now: BootTime) -> Result<(), Duration> {
        match self.buckets.get(known.place % self.buckets.len().max(1)) {
            Some(bucket) => bucket.take(self.rate, now),
            None => Ok(()),
        }
    }
}
