//! How news of applied entries reach the sender: never blocking apply, never growing without bound. What doesn't fit is
//! forgotten and noted, and the partition reads its outbox again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use delivery::schedule::{Entry, Lane};
use model::{GroupId, MessageId, RegionId};
use registry::effect::Effect;
use tokio::sync::{Notify, mpsc};

/// The largest number of news of one partition that wait to be taken in.
pub const NEWS_MAX: usize = 20_000;

/// One thing that a partition's sender acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// A message waits in this region's outbox.
    Waiting(Entry),
    /// A message left this region's outbox.
    Gone(MessageId),
    /// The partition adopted a plan.
    PlanChanged,
}

/// Where the effects of applied entries are offered. Cheap to clone.
#[derive(Clone)]
pub struct EffectFeed {
    region: RegionId,
    lines: Arc<BTreeMap<GroupId, Line>>,
}

/// The receiving ends of a feed, for [`crate::Sender::start`].
pub struct Feeds(pub(crate) BTreeMap<GroupId, Inbox>);

/// The sending end of one partition's news.
struct Line {
    sender: mpsc::UnboundedSender<Vec<News>>,
    state: Arc<State>,
}

/// The receiving end of one partition's news.
pub(crate) struct Inbox {
    receiver: mpsc::UnboundedReceiver<Vec<News>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// News that wait; bounds the channel by what it costs instead of by how it was cut.
    waiting: AtomicUsize,
    missed: AtomicBool,
    wake: Notify,
}

/// What an [`Inbox`] holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// News in the order of apply.
    News(Vec<News>),
    /// News were missed: the tables must be read again. What still waits comes next.
    Missed,
    /// The feed is gone: no entry will be applied any more.
    Closed,
}

/// Makes a feed for the partitions of a node in `region`.
pub fn feed(region: RegionId, groups: &[GroupId]) -> (EffectFeed, Feeds) {
    let (mut lines, mut inboxes) = (BTreeMap::new(), BTreeMap::new());
    for group in groups {
        let (sender, receiver) = mpsc::unbounded_channel();
        let state = Arc::new(State::default());
        lines.insert(*group, Line { sender, state: Arc::clone(&state) });
        inboxes.insert(*group, Inbox { receiver, state });
    }
    (EffectFeed { region, lines: Arc::new(lines) }, Feeds(inboxes))
}

impl EffectFeed {
    /// Offers the effects of one or more applied entries of a group, in their order. Keeps those that concern this
    /// region's sending. Never blocks.
    pub fn offer(&self, group: GroupId, effects: &[Effect]) {
        let Some(line) = self.lines.get(&group) else { return };
        let news: Vec<News> = effects.iter().filter_map(|effect| self.news_of(effect)).collect();
        if news.is_empty() {
            return;
        }
        let count = news.len();
        let waiting = line.state.waiting.fetch_add(count, Ordering::AcqRel);
        if waiting + count > NEWS_MAX {
            line.state.waiting.fetch_sub(count, Ordering::AcqRel);
            line.state.missed.store(true, Ordering::Release);
            line.state.wake.notify_one();
            return;
        }
        // A partition that ended has nothing to send any more.
        let _ended = line.sender.send(news);
    }

    /// Says that effects of a group were not offered, because apply had to skip them (a snapshot was installed, a queue
    /// was full): the partition reads its outbox again.
    pub fn missed(&self, group: GroupId) {
        if let Some(line) = self.lines.get(&group) {
            line.state.missed.store(true, Ordering::Release);
            line.state.wake.notify_one();
        }
    }

    fn news_of(&self, effect: &Effect) -> Option<News> {
        match effect {
            Effect::Waiting { region, due, message, channel, class, attempts } if *region == self.region => {
                let lane = Lane { channel: *channel, class: *class };
                Some(News::Waiting(Entry { due: *due, message: *message, lane, attempts: *attempts }))
            }
            Effect::Gone { region, message } if *region == self.region => Some(News::Gone(*message)),
            Effect::PlanChanged(_) => Some(News::PlanChanged),
            _ => None,
        }
    }
}

impl Inbox {
    /// Waits for news. Dropping the future loses none.
    pub async fn receive(&mut self) -> Received {
        if self.state.missed.swap(false, Ordering::AcqRel) {
            return Received::Missed;
        }
        tokio::select! {
            biased;
            () = self.state.wake.notified() => match self.state.missed.swap(false, Ordering::AcqRel) {
                true => Received::Missed,
                false => Received::News(Vec::new()),
            },
            news = self.receiver.recv() => match news {
                Some(news) => {
                    self.state.waiting.fetch_sub(news.len(), Ordering::AcqRel);
                    Received::News(news)
                }
                None => Received::Closed,
            },
        }
    }

    /// Returns news that are already here, if any.
    pub fn receive_now(&mut self) -> Option<Vec<News>> {
        let news = self.receiver.try_recv().ok()?;
        self.state.waiting.fetch_sub(news.len(), Ordering::AcqRel);
        Some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::message::Class;
    use model::{Channel, Epoch, Timestamp};

    const GROUP: GroupId = GroupId(1);

    fn region(name: &str) -> RegionId {
        RegionId::new(name).unwrap()
    }

    fn waiting(name: &str, message: u128) -> Effect {
        let (message, channel, class) = (MessageId(message), Channel::Sms, Class::AtLeastOnce);
        Effect::Waiting { region: region(name), due: Timestamp(5), message, channel, class, attempts: 0 }
    }

    #[tokio::test]
    async fn news_of_this_region_arrive_in_order_and_others_do_not() {
        let (feed, mut feeds) = feed(region("a"), &[GROUP]);
        let gone = Effect::Gone { region: region("a"), message: MessageId(1) };
        let effects = [waiting("a", 1), waiting("b", 2), Effect::Forbids, gone, Effect::PlanChanged(Epoch(2))];
        feed.offer(GROUP, &effects);
        feed.offer(GroupId(9), &effects);
        let Received::News(news) = feeds.0.get_mut(&GROUP).unwrap().receive().await else { panic!("no news") };
        assert!(matches!(news[..], [News::Waiting(_), News::Gone(MessageId(1)), News::PlanChanged]));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_noted_as_missed() {
        let (feed, mut feeds) = feed(region("a"), &[GROUP]);
        let inbox = feeds.0.get_mut(&GROUP).unwrap();
        for message in 0..NEWS_MAX as u128 {
            feed.offer(GROUP, &[waiting("a", message)]);
        }
        feed.offer(GROUP, &[waiting("a", 1)]);
        assert_eq!(inbox.receive().await, Received::Missed);
        let mut taken = 0;
        while let Some(news) = inbox.receive_now() {
            taken += news.len();
        }
        assert_eq!(taken, NEWS_MAX);
        feed.offer(GROUP, &[waiting("a", 7)]);
        drop(feed);
        let mut last = inbox.receive().await;
        while last == Received::News(Vec::new()) {
            last = inbox.receive().await;
        }
        assert!(matches!(&last, Received::News(news) if news.len() == 1));
        assert_eq!(inbox.receive().await, Received::Closed);
    }
}
