//! A provider that does what a test says and remembers what it was handed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::channel::CHANNELS;
use model::{Channel, MessageId};
use sender::{Begin, Delivery, Dispatch, Driver, DriverResult, Withdrawn};
use service::ports::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

/// What the provider answers to a dispatch.
pub type Script = Box<dyn Fn(&Delivery) -> DriverResult + Send + Sync>;

/// The right to begin these messages.
type Right = (Vec<MessageId>, Arc<dyn Begin>);

/// See the module's text.
pub struct Provider {
    script: Script,
    delay: Duration,
    /// While it holds `true`, no answer is given.
    hanging: watch::Sender<bool>,
    /// While it holds `false`, there is no connection.
    connected: watch::Sender<bool>,
    /// The rights of the batches that came, begun or not.
    rights: Mutex<Vec<Right>>,
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

    /// Takes everything, at once: without ever waiting.
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
        let (hanging, connected) = (watch::channel(false).0, watch::channel(true).0);
        Provider { script, delay, hanging, connected, rights: Mutex::default(), handed, batches, panics: false }
    }

    /// Gives no answers until told otherwise.
    pub fn hang(&self, hanging: bool) {
        self.hanging.send_replace(hanging);
    }

    /// Lets new batches wait for a connection or gives it to them.
    pub fn connect(&self, connected: bool) {
        self.connected.send_replace(connected);
    }

    /// Returns how many batches came, begun or not.
    pub fn came(&self) -> usize {
        self.rights.lock().unwrap().len()
    }

    /// Asks once more whether batch number `place` may begin.
    pub fn begin_again(&self, place: usize) -> Result<(), Withdrawn> {
        let (messages, begin) = self.rights.lock().unwrap()[place].clone();
        begin.begin(&messages).map(drop)
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

    fn deliver(&self, Dispatch { batch, begin }: Dispatch) -> BoxFuture<'_, Vec<DriverResult>> {
        let messages: Vec<MessageId> = batch.iter().map(|delivery| delivery.message).collect();
        self.rights.lock().unwrap().push((messages.clone(), Arc::clone(&begin)));
        let (mut hanging, mut connected) = (self.hanging.subscribe(), self.connected.subscribe());
        Box::pin(async move {
            connected.wait_for(|connected| *connected).await.unwrap();
            let Ok(begun) = begin.begin(&messages) else { return vec![DriverResult::NotBegun; batch.len()] };
            let now = Instant::now();
            self.batches.lock().unwrap().push(batch.len());
            self.handed.lock().unwrap().extend(batch.iter().map(|delivery| (now, delivery.clone())));
            drop(begun);
            assert!(!(self.panics && self.batches.lock().unwrap().len() == 1), "a driver's own fault");
            if !self.delay.is_zero() {
                tokio::time::sleep(self.delay).await;
                hanging.wait_for(|hanging| !hanging).await.unwrap();
            }
            batch.iter().map(|delivery| (self.script)(delivery)).collect()
        })
    }
}
