//! Recording results: merged, in few proposals, and never lost while the process lives.

use std::collections::VecDeque;
use std::time::Duration;

use model::command::{Command, Settlement};
use tokio::time::Instant;

use super::propose::{Patience, Proposer};
use super::turn::Wake;
use super::{Done, Partition};

/// How long results rest whose proposal was given up (one was too large): they are cut smaller then.
const GIVEN_UP_REST: Duration = Duration::from_secs(1);

/// Results that are to be recorded. Bounded by what may be unsettled.
#[derive(Default)]
pub(super) struct Results {
    waiting: VecDeque<Settlement>,
    since: Option<Instant>,
    under_way: usize,
    /// The largest number of results in the next proposal, when one was given up.
    cut_to: Option<usize>,
    rest_until: Option<Instant>,
}

impl Results {
    /// Returns whether nothing waits to be recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a result.
    pub(super) fn push(&mut self, settlement: Settlement) {
        self.since.get_or_insert_with(Instant::now);
        self.waiting.push_back(settlement);
    }
}

impl Partition {
    /// Proposes the results that wait: at once while no Settle is under way, else when there are enough of them or when
    /// the first has waited long enough.
    pub(super) fn begin_settles(&mut self, wake: &mut Wake) {
        let limits = self.shared.config.limits;
        let now = Instant::now();
        while let Some(since) = self.results.since {
            let len_max = self.results.cut_to.unwrap_or(limits.settle_len);
            if let Some(rest_until) = self.results.rest_until.filter(|until| *until > now) {
                return wake.at(rest_until);
            }
            if self.results.under_way >= limits.settles_in_flight {
                return;
            }
            let lingers = self.results.under_way > 0 && self.results.waiting.len() < len_max;
            if lingers && now < since + limits.settle_linger {
                return wake.at(since + limits.settle_linger);
            }
            self.begin_settle(len_max);
        }
    }

    fn begin_settle(&mut self, len_max: usize) {
        let len = len_max.min(self.results.waiting.len());
        let results: Vec<Settlement> = self.results.waiting.drain(..len).collect();
        if self.results.waiting.is_empty() {
            self.results.since = None;
        }
        self.results.under_way += 1;
        let command = Command::Settle { region: self.shared.config.region.clone(), results };
        let proposer = Proposer::new(&self.shared, self.group, Patience::UntilDone);
        self.work.spawn(async move {
            let recorded = proposer.propose(&command).await.is_some();
            let Command::Settle { results, .. } = command else {
                return Done::Settled { results: Vec::new(), recorded };
            };
            Done::Settled { results, recorded }
        });
    }

    /// Takes note of recorded results. Those that were not wait again, in smaller parts; when the node stops they are
    /// lost with the process, and a Takeover or the next incarnation deals with their messages.
    pub(super) fn finish_settle(&mut self, results: &[Settlement], recorded: bool) {
        self.results.under_way -= 1;
        if !recorded && !self.stopping() {
            self.results.cut_to = Some((results.len() / 2).max(1));
            self.results.rest_until = Some(Instant::now() + GIVEN_UP_REST);
            results.iter().cloned().for_each(|settlement| self.results.push(settlement));
            return;
        }
        if recorded {
            self.results.cut_to = None;
            self.shared.ports.journal.settled(results.iter().map(|settlement| settlement.message));
            metrics::counter!("signalbox_sender_settled_total").increment(results.len() as u64);
        }
        for settlement in results {
            if recorded && self.inflight.settled(settlement.message, settlement.attempt) {
                self.shared.unsettled.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
            }
            self.ending.remove(&settlement.message);
            if let Some(entry) = self.again.remove(&settlement.message) {
                self.hear_of(entry);
            }
        }
    }
}
