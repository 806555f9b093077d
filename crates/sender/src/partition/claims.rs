//! Claims of `at_most_once` messages: asked for in batches just before the dispatch, given back when the dispatch will
//! not begin (rule R13), also when the message was held meanwhile: it waits again then. What is given back is marked first
//! and never begun under that claim. Nothing is claimed that could not begin as soon as it is: the lease, the pace and the
//! driver's room come first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use delivery::schedule::{Entry, Lane};
use model::command::{CHUNK_MAX, Command};
use model::message::{Class, Progress, Status};
use model::{Channel, Epoch, Message, MessageId, Outcome};
use registry::tables::{Messages, ProgressOf, RowAccess, TableError, View};
use tokio::time::Instant;

use super::dispatch::May;
use super::plan::moves_away;
use super::propose::{Answer, Patience, Proposer};
use super::turn::{Turn, Wake};
use super::unbegun::Unbegun;
use super::{Done, Partition};
use traffic::route::Flow;

/// How long a message isn't claimed again after its claim was given back by a proposal whose first try is without an
/// answer: a try that is still on its way would take the new claim back while its dispatch is under way. Tries carry a
/// deadline of seconds, and one that reached any log is in front of the answered one.
const DOUBT_KEPT: Duration = Duration::from_secs(60);
/// How many batches of one channel may be claimed, or their claim asked for, before they begin. A crash leaves as many
/// held although they never left, so these are as few as keep a driver busy: one that is about to begin, and one whose
/// claim is on its way through the log.
const BATCHES_AHEAD: usize = 2;

/// The answer to a claim.
#[derive(Debug, Default)]
pub(super) struct ClaimAnswer {
    /// The messages that are claimed.
    claimed: BTreeSet<MessageId>,
    /// Whether an earlier try is without an answer: others may have been claimed by that.
    repeated: bool,
}

/// The claims of this node that are not begun.
#[derive(Default)]
pub(super) struct Claims {
    /// Claimed, in the order of their due times.
    ready: BTreeMap<Channel, VecDeque<Entry>>,
    /// Batches of messages whose claim is asked for, by the plan under which it was.
    asking: BTreeMap<Epoch, usize>,
    /// Messages whose claim is asked for, and those of them that left the outbox meanwhile.
    asked: BTreeSet<MessageId>,
    left: BTreeSet<MessageId>,
    /// Batches that are asked for, by channel, and the messages in them.
    asking_in: BTreeMap<Channel, usize>,
    asked_in: BTreeMap<Channel, usize>,
    /// With a driver and not begun, by channel; shared with the right to begin them.
    with_driver: BTreeMap<Channel, Arc<Unbegun>>,
    /// Marked: their claims are being given back.
    releasing: usize,
    /// Whether some of those that are ready may have left the outbox, or were claimed under an earlier plan and not looked
    /// at under the adopted one.
    unchecked: bool,
    /// Given back in doubt, and until when the doubt lasts.
    doubted: BTreeMap<MessageId, (Instant, Entry)>,
    /// All of the above: none of them is in the schedule.
    held: BTreeSet<MessageId>,
}

impl Claims {
    /// Says whether a message is anywhere between being asked for and being begun or given back.
    pub(super) fn holds(&self, message: MessageId) -> bool {
        self.held.contains(&message)
    }

    /// Says whether a message's claim is asked for. Whether it is given depends on where the message is when the group
    /// decides, so that news of it says nothing yet.
    pub(super) fn asks(&self, message: MessageId) -> bool {
        self.asked.contains(&message)
    }

    /// Takes note that a message left the outbox. Where its claim is this node's and unbegun it is still to be given back:
    /// the message may be held because of it.
    pub(super) fn forget(&mut self, message: MessageId) {
        if self.asked.contains(&message) {
            self.left.insert(message);
        } else if self.doubted.remove(&message).is_some() {
            self.held.remove(&message);
        } else {
            self.unchecked |= self.ready.values().flatten().any(|entry| entry.message == message);
        }
    }

    /// Says whether no claim from before a plan can still be begun or has to be given back.
    pub(super) fn drained(&self, adopted: Epoch) -> bool {
        self.asking.range(..adopted).next().is_none() && self.releasing == 0 && !self.unchecked
    }

    /// Says that another plan was adopted, or that messages came back of which nothing was heard for a while.
    pub(super) fn doubt(&mut self) {
        self.unchecked = true;
    }

    /// Returns how many messages of a channel are claimed and can be begun.
    pub(super) fn ready_len(&self, channel: Channel) -> usize {
        self.ready.get(&channel).map_or(0, VecDeque::len)
    }

    /// Returns the count of a channel's claimed messages that a driver has and did not begin.
    pub(super) fn with_driver(&mut self, channel: Channel) -> Arc<Unbegun> {
        Arc::clone(self.with_driver.entry(channel).or_default())
    }

    /// Returns how many messages of a channel are claimed, or may be by now, and not begun.
    fn unbegun_len(&self, channel: Channel) -> usize {
        let with_driver = self.with_driver.get(&channel).map_or(0, |unbegun| unbegun.len());
        self.asked_in.get(&channel).copied().unwrap_or_default() + self.ready_len(channel) + with_driver
    }

    /// Returns how many batches of a channel are not with a driver yet.
    fn batches_ahead(&self, channel: Channel) -> usize {
        let ready = usize::from(self.ready_len(channel) > 0);
        self.asking_in.get(&channel).copied().unwrap_or_default() + ready
    }

    /// Returns the channels that have claimed messages.
    pub(super) fn ready_channels(&self) -> Vec<Channel> {
        self.ready.iter().filter(|(_, waiting)| !waiting.is_empty()).map(|(channel, _)| *channel).collect()
    }

    /// Takes claimed messages to begin them; they are no longer held here.
    pub(super) fn take_ready(&mut self, channel: Channel, limit: usize) -> Vec<Entry> {
        let Some(waiting) = self.ready.get_mut(&channel) else { return Vec::new() };
        let taken: Vec<Entry> = waiting.drain(..limit.min(waiting.len())).collect();
        for entry in &taken {
            self.held.remove(&entry.message);
        }
        taken
    }

    /// Puts claimed messages back in front: their dispatch can't begin now.
    pub(super) fn put_back(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            self.held.insert(entry.message);
            self.ready.entry(entry.lane.channel).or_default().push_front(entry);
        }
    }

    fn asked(&mut self, entries: &[Entry], channel: Channel, epoch: Epoch) {
        self.held.extend(entries.iter().map(|entry| entry.message));
        self.asked.extend(entries.iter().map(|entry| entry.message));
        *self.asking.entry(epoch).or_default() += 1;
        *self.asking_in.entry(channel).or_default() += 1;
        *self.asked_in.entry(channel).or_default() += entries.len();
    }

    fn answered(&mut self, channel: Channel, epoch: Epoch, len: usize) {
        decrease(&mut self.asking, epoch, 1);
        decrease(&mut self.asking_in, channel, 1);
        decrease(&mut self.asked_in, channel, len);
    }
}

fn decrease<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K, by: usize) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_sub(by);
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

impl Partition {
    /// Asks for claims of due messages that could begin at once, a batch at a time for each channel.
    pub(super) fn begin_claims(&mut self, turn: Turn<'_>, wake: &mut Wake) -> Result<(), TableError> {
        if !self.earlier_claims_ended {
            return Ok(());
        }
        let lanes: Vec<_> = self.schedule.lanes().filter(|(lane, _)| lane.class == Class::AtMostOnce).collect();
        for (lane, due) in lanes {
            if due > turn.now {
                wake.at(turn.instant_of(due));
                continue;
            }
            match self.may_claim(lane, turn) {
                May::Later => self.warn_unrouted(lane),
                May::At(instant) => wake.at(instant),
                May::Begin(limit) => {
                    if !self.lease_may_be_tried(turn, wake) {
                        return Ok(());
                    }
                    self.claim_due(turn, lane, limit)?;
                    wake.now();
                }
            }
        }
        Ok(())
    }

    /// Says how many messages of a lane could begin as soon as they are claimed.
    fn may_claim(&self, lane: Lane, turn: Turn<'_>) -> May {
        let Some(driver) = self.shared.routes.driver(lane.channel) else { return May::Later };
        let limits = self.shared.config.limits;
        let ahead = self.claims.batches_ahead(lane.channel);
        if ahead >= BATCHES_AHEAD || self.batches_with_driver(lane) + ahead >= limits.batches_in_flight {
            return May::Later;
        }
        let unsettled = self.inflight.len() + self.ending.len() + self.claims.held.len();
        let batch = limits.batch_len.min(driver.batch_max().max(1));
        let room = (BATCHES_AHEAD * batch).saturating_sub(self.claims.unbegun_len(lane.channel));
        match batch.min(room).min(limits.unsettled_len.saturating_sub(unsettled)) {
            0 => May::Later,
            limit => match self.paced_until(lane).filter(|until| *until > turn.instant) {
                Some(until) => May::At(until),
                None => May::Begin(limit),
            },
        }
    }

    /// Asks for claims of as many due messages as the pace lets begin; it is paid here, so that none of them waits for
    /// it claimed.
    fn claim_due(&mut self, turn: Turn<'_>, lane: Lane, limit: usize) -> Result<(), TableError> {
        let granted = self.take_pace(turn, lane, limit.min(self.schedule.len_of(lane)));
        let entries = self.schedule.take_due(lane, turn.now, granted);
        let entries = self.staying(turn.view, entries)?;
        self.shared.pacer.give_back(lane.channel, granted - entries.len());
        self.begin_claim(lane.channel, entries);
        Ok(())
    }

    fn moves(&self, message: &Message) -> bool {
        moves_away(self.plan.as_deref(), Flow::from(message), &self.shared.config.region)
    }

    /// Drops entries that the adopted plan moves away and those that are unknown by now.
    fn staying(&self, view: &dyn View, entries: Vec<Entry>) -> Result<Vec<Entry>, TableError> {
        let mut staying = Vec::with_capacity(entries.len());
        for entry in entries {
            let message = view.row::<Messages>(&entry.message)?;
            if message.as_ref().is_some_and(|message| !self.moves(message))
                && self.inflight.get(entry.message).is_none()
            {
                staying.push(entry);
            }
        }
        Ok(staying)
    }

    fn begin_claim(&mut self, channel: Channel, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let epoch = self.epoch();
        self.claims.asked(&entries, channel, epoch);
        let config = &self.shared.config;
        let messages = entries.iter().map(|entry| entry.message).collect();
        let command = Command::Claim { claim: config.claim(), region: config.region.clone(), messages };
        let proposer = Proposer::new(&self.shared, self.group, Patience::UntilStop(self.stop.clone()));
        self.work.spawn(async move {
            let answer = match proposer.propose(&command).await {
                Some(Answer { outcome: Outcome::Claimed(claimed), repeated }) => {
                    ClaimAnswer { claimed: claimed.into_iter().collect(), repeated }
                }
                _ => ClaimAnswer::default(),
            };
            Done::Claimed { entries, epoch, answer }
        });
    }

    /// Makes claimed messages ready. Those that were not claimed are another holder's or no longer here: if that
    /// changes, there will be news, or there was while the claim was asked for.
    pub(super) fn finish_claim(&mut self, entries: Vec<Entry>, epoch: Epoch, answer: &ClaimAnswer) {
        let Some(channel) = entries.first().map(|entry| entry.lane.channel) else { return };
        let ClaimAnswer { claimed, repeated } = answer;
        let len = entries.len();
        let (mut ready, mut lost) = (0, Vec::new());
        for entry in entries {
            self.claims.asked.remove(&entry.message);
            let left = self.claims.left.remove(&entry.message);
            let news = self.again.remove(&entry.message);
            let is_claimed = claimed.contains(&entry.message);
            // An earlier try may have claimed it before it was held.
            if is_claimed && left || !is_claimed && *repeated {
                lost.push(entry);
                continue;
            }
            if is_claimed {
                ready += 1;
                self.claims.ready.entry(channel).or_default().push_back(entry);
                continue;
            }
            self.claims.held.remove(&entry.message);
            if let Some(news) = news {
                self.hear_of(news);
            }
        }
        self.shared.pacer.give_back(channel, len - ready);
        self.claims.answered(channel, epoch, len);
        self.claims.unchecked |= epoch != self.epoch();
        self.release(lost);
    }

    /// Gives back the claims of messages that left the outbox or that the adopted plan moves away, if there may be some.
    pub(super) fn release_lost(&mut self, view: &dyn View) -> Result<(), TableError> {
        if !std::mem::take(&mut self.claims.unchecked) {
            return Ok(());
        }
        let mut lost = BTreeSet::new();
        for entry in self.claims.ready.values().flatten() {
            let message = view.row::<Messages>(&entry.message)?;
            if message.is_none_or(|message| self.moves(&message)) || !self.waits_here(view, entry.message)? {
                lost.insert(entry.message);
            }
        }
        self.release_ready(|entry| lost.contains(&entry.message));
        Ok(())
    }

    fn waits_here(&self, view: &dyn View, message: MessageId) -> Result<bool, TableError> {
        let progress = view.row::<ProgressOf>(&message)?;
        let here = |progress: &Progress| progress.region == self.shared.config.region;
        Ok(progress.is_some_and(|progress| progress.status == Status::Waiting && here(&progress)))
    }

    /// Gives back the claims of ready messages that `chosen` names.
    pub(super) fn release_ready(&mut self, chosen: impl Fn(&Entry) -> bool) {
        let mut released = Vec::new();
        for waiting in self.claims.ready.values_mut() {
            let (gone, kept) = waiting.drain(..).partition::<Vec<Entry>, _>(|entry| chosen(entry));
            gone.iter().for_each(|entry| self.shared.pacer.give_back(entry.lane.channel, 1));
            released.extend(gone);
            waiting.extend(kept);
        }
        self.release(released);
    }

    /// Gives claims back: from here on nothing begins under them.
    pub(super) fn release(&mut self, entries: Vec<Entry>) {
        self.claims.held.extend(entries.iter().map(|entry| entry.message));
        self.claims.releasing += entries.len();
        for chunk in entries.chunks(CHUNK_MAX as usize) {
            let entries = chunk.to_vec();
            let messages = entries.iter().map(|entry| entry.message).collect();
            let command = Command::ReleaseClaims { claim: self.shared.config.claim(), messages };
            let proposer = Proposer::new(&self.shared, self.group, Patience::UntilDone);
            self.work.spawn(async move {
                let answer = proposer.propose(&command).await;
                Done::Released { entries, doubt: answer.is_none_or(|answer| answer.repeated) }
            });
        }
    }

    /// Schedules messages whose claims were given back: those that still wait here are claimed anew when they are due.
    pub(super) fn finish_release(&mut self, entries: Vec<Entry>, doubt: bool) {
        self.claims.releasing -= entries.len();
        for entry in entries {
            if doubt {
                self.claims.doubted.insert(entry.message, (Instant::now() + DOUBT_KEPT, entry));
            } else {
                self.claims.held.remove(&entry.message);
                self.hear_of(entry);
            }
        }
    }

    /// Schedules messages whose doubt has passed.
    pub(super) fn end_doubts(&mut self, turn: Turn<'_>, wake: &mut Wake) {
        let passed: Vec<(MessageId, Entry)> = self
            .claims
            .doubted
            .iter()
            .filter(|(_, (until, _))| *until <= turn.instant)
            .map(|(message, (_, entry))| (*message, *entry))
            .collect();
        for (message, entry) in passed {
            self.claims.doubted.remove(&message);
            self.claims.held.remove(&message);
            self.hear_of(entry);
        }
        if let Some((until, _)) = self.claims.doubted.values().min_by_key(|(until, _)| *until) {
            wake.at(*until);
        }
    }
}
