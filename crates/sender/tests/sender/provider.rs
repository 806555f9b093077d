//! A provider that does what a test says and remembers what it was handed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::channel::CHANNELS;
use model::{Channel, MessageId};
use sender::{Delivery, Driver, DriverResult};
use service::ports::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

/// What the provider answers to a handover.
pub type Script = Box<dyn Fn(&Delivery) -> DriverResult + Send + Sync>;

/// See the module's text.
pub struct Provider {
    script: Script,
    delay: Duration,
    /// While it holds `true`, no answer is given.
    hanging: watch::Sender<bool>,
    handed: Mutex<Vec<(Instant, Delivery)>>,
    batches: Mutex<Vec<usize>>,
    panics: bool,
}

impl Provider {
    /// Takes everything, a millisecond after it got it.
    pub fn accepting() -> Arc<Provider> {
        Provider::with(|_| accepted())
    }

    /// Answers by a script, a millisecond after it got the batch.
    pub fn with(script: impl Fn(&Delivery) -> DriverResult + Send + Sync + 'static) -> Arc<Provider> {
        Arc::new(Provider::new(Box::new(script), Duration::from_millis(1)))
    }

    /// Takes everything, at once: inside the first poll.
    pub fn immediate() -> Arc<Provider> {
        Arc::new(Provider::new(Box::new(|_| accepted()), Duration::ZERO))
    }

    /// Panics at the first batch and takes the rest.
    pub fn panicking() -> Arc<Provider> {
        let provider = Provider::new(Box::new(|_| accepted()), Duration::from_millis(1));
        Arc::new(Provider { panics: true, ..provider })
    }

    fn new(script: Script, delay: Duration) -> Provider {
        let (handed, batches) = (Mutex::default(), Mutex::default());
        Provider { script, delay, hanging: watch::channel(false).0, handed, batches, panics: false }
    }

    /// Gives no answers until told otherwise.
    pub fn hang(&self, hanging: bool) {
        self.hanging.send_replace(hanging);
    }

    /// Returns the messages it was handed, in order.
    pub fn messages(&self) -> Vec<MessageId> {
        self.handed.lock().unwrap().iter().map(|(_, delivery)| delivery.message).collect()
    }

    /// Returns what it was handed and when.
    pub fn handed(&self) -> Vec<(Instant, Delivery)> {
        self.handed.lock().unwrap().clone()
    }

    /// Returns the sizes of the batches.
    pub fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().clone()
    }
}

/// The answer of a provider that takes a message.
pub fn accepted() -> DriverResult {
    DriverResult::Accepted { provider_id: Some("p".to_owned()) }
}

impl Driver for Provider {
    fn name(&self) -> &'static str {
        "provider"
    }

    fn channels(&self) -> &[Channel] {
        &CHANNELS
    }

    fn batch_max(&self) -> usize {
        500
    }

    fn deliver(&self, batch: Vec<Delivery>) -> BoxFuture<'_, Vec<DriverResult>> {
        let now = Instant::now();
        self.batches.lock().unwrap().push(batch.len());
        self.handed.lock().unwrap().extend(batch.iter().map(|delivery| (now, delivery.clone())));
        assert!(!(self.panics && self.batches.lock().unwrap().len() == 1), "a driver's own fault");
        let mut hanging = self.hanging.subscribe();
        Box::pin(async move {
            if !self.delay.is_zero() {
                tokio::time::sleep(self.delay).await;
                hanging.wait_for(|hanging| !hanging).await.unwrap();
            }
            batch.iter().map(|delivery| (self.script)(delivery)).collect()
        })
    }
}
