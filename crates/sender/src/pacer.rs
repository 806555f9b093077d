//! The pace of a node: one token bucket per channel, shared by all partitions.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use delivery::pacing::{Rate, TokenBucket};
use model::{BootTime, Channel};

use crate::config::SenderConfig;

/// The longest pause that a provider's throttling puts on a whole channel; the throttled messages may wait longer.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// See the module's text.
pub(crate) struct Pacer {
    buckets: Mutex<BTreeMap<Channel, TokenBucket>>,
}

/// What a channel may send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granted {
    /// How many messages; 0 to what was asked for.
    pub count: usize,
    /// When there will be more, if it is less than what was asked for.
    pub next_at: Option<BootTime>,
}

impl Pacer {
    /// Makes the buckets of the channels that are paced: this node's part of the region's rate.
    pub fn new(config: &SenderConfig, now: BootTime) -> Pacer {
        let nodes = config.region_nodes.max(1);
        let share = |rate: &Rate| Rate { per_second: rate.per_second / nodes, burst: rate.burst / nodes };
        let buckets =
            config.rates.iter().map(|(channel, rate)| (*channel, TokenBucket::new(share(rate), now))).collect();
        Pacer { buckets: Mutex::new(buckets) }
    }

    /// Takes the right to send at most `wanted` messages of a channel.
    pub fn take(&self, channel: Channel, now: BootTime, wanted: usize) -> Granted {
        let mut buckets = self.lock();
        let Some(bucket) = buckets.get_mut(&channel) else { return Granted { count: wanted, next_at: None } };
        let count = bucket.take(now, wanted as u64) as usize;
        Granted { count, next_at: (count < wanted).then(|| bucket.next_at(now)) }
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, channel: Channel, unused: usize) {
        if let Some(bucket) = self.lock().get_mut(&channel) {
            bucket.give_back(unused as u64);
        }
    }

    /// Lets a paced channel rest because its provider throttled.
    pub fn pause(&self, channel: Channel, now: BootTime, asked: Duration) {
        if let Some(bucket) = self.lock().get_mut(&channel) {
            bucket.pause(now + asked.min(PAUSE_MAX));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Channel, TokenBucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
