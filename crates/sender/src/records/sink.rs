//! Posting records in batches, from a bounded queue.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::event::Event;
use model::{GroupId, RegionId};
use registry::effect::Effect;
use registry::tables::{Messages, RowAccess, View};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use service::ports::{Reads, ReadsError};
use tokio::sync::mpsc;

use super::record::write_record;
use crate::drivers::HttpError;

/// How many events may wait to be posted; more are dropped and counted.
pub const RECORDS_WAITING_MAX: usize = 20_000;
/// The largest number of records of one request.
const BATCH_MAX: usize = 500;
/// How often a batch is tried, and how long it rests between; then it is dropped and counted.
const TRIES_MAX: u32 = 5;
const REST: Duration = Duration::from_millis(200);
/// How long a request may take.
const EXCHANGE_MAX: Duration = Duration::from_secs(5);

/// A moment of a group, and those that a batch has opened.
type GroupView = Arc<dyn View + Send + Sync>;
type Views = BTreeMap<GroupId, GroupView>;

/// Where records go and whose they are.
#[derive(Debug, Clone)]
pub struct RecordsConfig {
    /// The base URL of the listener; records are posted to `/v1/records`.
    pub url: Url,
    /// The region whose events are posted.
    pub region: RegionId,
    /// The account number in records; 12 digits.
    pub account: String,
}

/// Where effects are offered; never blocks.
#[derive(Clone)]
pub struct RecordFeed {
    region: RegionId,
    events: mpsc::Sender<(GroupId, Event)>,
}

/// The task that posts.
pub struct RecordSink {
    config: RecordsConfig,
    client: Client,
    reads: Arc<dyn Reads>,
    events: mpsc::Receiver<(GroupId, Event)>,
}

impl RecordSink {
    /// Makes the task and its feed.
    ///
    /// # Errors
    /// When the HTTP client can't be made.
    pub fn new(config: RecordsConfig, reads: Arc<dyn Reads>) -> Result<(RecordFeed, RecordSink), HttpError> {
        let client = crate::drivers::client(EXCHANGE_MAX, EXCHANGE_MAX).build()?;
        let (sender, events) = mpsc::channel(RECORDS_WAITING_MAX);
        let feed = RecordFeed { region: config.region.clone(), events: sender };
        Ok((feed, RecordSink { config, client, reads, events }))
    }

    /// Posts until every feed is gone.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while self.events.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let (body, count) = self.body(&batch);
            batch.clear();
            if count > 0 && !self.post(body).await {
                dropped(count);
            }
        }
    }

    /// Writes the request for a batch; says how many records it has.
    fn body(&self, batch: &[(GroupId, Event)]) -> (Bytes, usize) {
        let mut views = BTreeMap::new();
        let mut text = b"{\"records\":[".to_vec();
        let mut count = 0;
        for (group, event) in batch {
            let Ok(view) = self.view(&mut views, *group) else { continue };
            let Ok(Some(message)) = view.row::<Messages>(&event.message) else { continue };
            let begun = text.len();
            if count > 0 {
                text.push(b',');
            }
            match write_record(&mut text, event, &message, &self.config.account) {
                Ok(true) => count += 1,
                Ok(false) | Err(_) => text.truncate(begun),
            }
        }
        text.extend_from_slice(b"]}");
        (Bytes::from(text), count)
    }

    /// Returns the batch's view of a group: all its events were applied before it is opened.
    fn view<'a>(&self, views: &'a mut Views, group: GroupId) -> Result<&'a GroupView, ReadsError> {
        match views.entry(group) {
            Entry::Occupied(opened) => Ok(opened.into_mut()),
            Entry::Vacant(vacant) => Ok(vacant.insert(self.reads.view(group)?)),
        }
    }

    async fn post(&self, body: Bytes) -> bool {
        let mut url = self.config.url.clone();
        url.set_path("/v1/records");
        for _ in 0..TRIES_MAX {
            let answer =
                self.client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body.clone()).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return true;
            }
            tokio::time::sleep(REST).await;
        }
        false
    }
}

impl RecordFeed {
    /// Offers the effects of an entry; takes the events of this region's messages.
    pub fn offer(&self, group: GroupId, effects: &[Effect]) {
        for effect in effects {
            let Effect::Recorded { event, .. } = effect else { continue };
            if event.region == self.region && self.events.try_send((group, (**event).clone())).is_err() {
                dropped(1);
            }
        }
    }
}

fn dropped(count: usize) {
    metrics::counter!("signalbox_event_records_dropped_total").increment(count as u64);
}
