//! The provider that all regions hand messages to. It stands outside the simulated network, remembers every dispatch,
//! and fails and dawdles as its seed says, until it is told to be well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::channel::Channel;
use model::id::{Incarnation, MessageId, NodeId};
use sender::{Delivery, Driver, DriverResult, Fault};
use service::ports::BoxFuture;

use super::breaks::Break;
use super::history::{History, now};
use super::operations::{Dispatch, Recipient, Reply};
use super::settings::{Scene, Settings};
use super::world::SimRandom;

/// The name in routes.
pub const NAME: &str = "simulated";
/// How long an answer takes at most, when the provider is well.
const ANSWER_MAX_MS: u64 = 60;
/// How long a slow one takes at most, and how seldom it is: one in this many.
const SLOW_ANSWER_MAX_MS: u64 = 1_500;
const SLOW_ANSWER_ONE_IN: u64 = 5;
/// The same where nodes are only killed, so that many dispatches are under way when one is.
const SLOW_ANSWER_ONE_IN_OF_CRASHES: u64 = 2;
/// How long connecting takes at most, and how seldom it is needed: one in this many.
const CONNECTING_MAX_MS: u64 = 1_500;
const CONNECTING_ONE_IN: u64 = 4;
/// How long messages are left lying where that is broken.
const LINGERS: Duration = Duration::from_secs(4);
/// How long it asks to wait when it is too much.
const RETRY_AFTER: Duration = Duration::from_millis(400);

/// The provider.
pub struct Provider {
    history: Arc<History>,
    random: SimRandom,
    well: AtomicBool,
    /// Whether it answers quickly and needs no connecting, so that what is late is late because of the cluster.
    quick: bool,
    slow_one_in: u64,
    broken: Option<Break>,
}

/// How one node reaches the provider.
pub struct ProviderDriver {
    /// The provider.
    pub provider: Arc<Provider>,
    /// The node.
    pub node: NodeId,
    /// Its incarnation.
    pub incarnation: Incarnation,
}

impl Provider {
    /// Returns a provider that fails now and then; in a calm scene one that is well.
    pub fn new(history: Arc<History>, seed: u64, settings: &Settings) -> Provider {
        let (quick, broken) = (settings.is_calm(), settings.broken);
        let slow_one_in = match settings.scene {
            Scene::Crashes => SLOW_ANSWER_ONE_IN_OF_CRASHES,
            Scene::Mixed | Scene::Overload | Scene::Retention | Scene::Lines | Scene::Upgrade | Scene::Crossed => {
                SLOW_ANSWER_ONE_IN
            }
        };
        Provider { history, random: SimRandom::new(seed), well: AtomicBool::new(quick), quick, slow_one_in, broken }
    }

    /// From now on takes everything.
    pub fn get_well(&self) {
        self.well.store(true, Ordering::SeqCst);
    }

    fn draw_reply(&self) -> (Reply, DriverResult) {
        let detail = || "as the seed says".to_owned();
        let drawn = if self.well.load(Ordering::SeqCst) { 99 } else { self.random.below(100) };
        match drawn {
            0..25 => (Reply::NotNow, DriverResult::Temporary { detail: detail() }),
            25..30 => (Reply::NotNow, DriverResult::Throttled { retry_after: Some(RETRY_AFTER), detail: detail() }),
            30..32 => (Reply::Never, DriverResult::Permanent { fault: Fault::Recipient, detail: detail() }),
            32..36 => (Reply::Nothing, DriverResult::Unknown { retry_after: None, detail: detail() }),
            _ => (Reply::Accepted, DriverResult::Accepted { provider_id: None }),
        }
    }

    /// Most often there is a connection already.
    fn draw_connecting(&self) -> Duration {
        let connecting = !self.quick && self.random.below(CONNECTING_ONE_IN) == 0;
        if connecting { Duration::from_millis(self.random.below(CONNECTING_MAX_MS)) } else { Duration::ZERO }
    }

    fn draw_delay(&self) -> Duration {
        let longest =
            if !self.quick && self.random.below(self.slow_one_in) == 0 { SLOW_ANSWER_MAX_MS } else { ANSWER_MAX_MS };
        Duration::from_millis(1 + self.random.below(longest))
    }
}

impl ProviderDriver {
    fn dispatch(&self, delivery: &Delivery) -> Dispatch {
        Dispatch {
            from: now(),
            node: self.node,
            incarnation: self.incarnation,
            message: delivery.message,
            attempt: delivery.attempt,
            epoch: delivery.epoch,
            class: delivery.class,
            to: Recipient {
                app: delivery.app,
                endpoint: delivery.endpoint.clone(),
                address: delivery.address.as_str().to_owned(),
            },
            reply: None,
        }
    }
}

impl Driver for ProviderDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms]
    }

    fn batch_max(&self) -> usize {
        20
    }

    fn deliver(&self, sender::Dispatch { batch, begin }: sender::Dispatch) -> BoxFuture<'_, Vec<DriverResult>> {
        Box::pin(async move {
            let provider = &self.provider;
            let history = &provider.history;
            if provider.broken == Some(Break::Lingers) {
                tokio::time::sleep(LINGERS).await;
            }
            tokio::time::sleep(provider.draw_connecting()).await;
            let messages: Vec<MessageId> = batch.iter().map(|delivery| delivery.message).collect();
            let right = begin.begin(&messages);
            if right.is_err() && provider.broken != Some(Break::NoBegin) {
                return vec![DriverResult::NotBegun; batch.len()];
            }
            let begun: Vec<_> = batch.iter().map(|delivery| history.dispatch(self.dispatch(delivery))).collect();
            if provider.broken == Some(Break::Twice) {
                for delivery in &batch {
                    let again = history.dispatch(self.dispatch(delivery));
                    history.reply(again, Reply::Accepted);
                }
            }
            drop(right);
            tokio::time::sleep(provider.draw_delay()).await;
            let results = begun.into_iter().map(|place| {
                let (reply, result) = provider.draw_reply();
                history.reply(place, reply);
                result
            });
            results.collect()
        })
    }
}
