//! One partition in memory with everything around it that a sender needs. Time is tokio's, paused.

mod journal;
mod ports;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use delivery::pacing::Rate;
use model::app::{AppSendState, ChannelDetail, ChannelSendState};
use model::body::BodyContent;
use model::channel::CHANNELS;
use model::command::{AcceptMessages, Command, FollowUpAction, Proposal, Recipient};
use model::content::{Content, Purpose, SmsRegistration, Substitutions};
use model::message::{Class, Progress, Status};
use model::plan::{Author, Mode, RegionState, TrafficPlan};
use model::request::RecipientName;
use model::{
    Address, AppId, BodyId, Channel, Epoch, GroupId, Incarnation, MessageId, NodeId, Outcome, RegionId, Revision,
    Timestamp,
};
use registry::tables::{MemoryTables, ProgressOf, RowAccess};
use registry::{ApplyContext, apply_entry};
use sender::{EffectFeed, Journal, Limits, Ports, Routes, Sender, SenderConfig};
use service::ports::{DispatchObservation, LogError, NoPermit, Random};
use tokio::time::Instant;

use crate::provider::Provider;
use journal::MemoryFile;

pub const GROUP: GroupId = GroupId(1);
pub const APP: AppId = AppId(1);
const EPOCH_OF_TIME: u64 = 1_700_000_000_000;

/// What goes wrong with a proposal.
pub enum Fault {
    /// It is refused, nothing is applied.
    Refused(LogError),
    /// It is applied, and nobody is told.
    AnswerLost,
}

/// See the module's text.
pub struct World {
    tables: Mutex<Arc<MemoryTables>>,
    feed: Mutex<Option<EffectFeed>>,
    /// Whether the sender hears of effects.
    mute: AtomicBool,
    proposed: Mutex<Vec<Command>>,
    faults: Mutex<VecDeque<(&'static str, Fault)>>,
    latency: Mutex<Duration>,
    refused: Mutex<Option<NoPermit>>,
    /// What is applied just before the critical section is entered for the last time of so many.
    before_entry: Mutex<Option<(u32, Command)>>,
    /// How many permits are held.
    permits: Arc<AtomicUsize>,
    drained: Mutex<Vec<Epoch>>,
    observed: Mutex<Vec<DispatchObservation>>,
    index: AtomicU64,
    random: AtomicU64,
    started: Instant,
    /// What this node's wall clock shows: nothing may go by it.
    wall: AtomicU64,
    /// Whether the group's time is known here.
    time_known: AtomicBool,
    /// The file of the node's journal.
    pub journal: Arc<MemoryFile>,
    /// How often the node's machine was booted.
    boots: AtomicU64,
}

impl World {
    /// Makes a partition that knows an app with every channel enabled, and a plan that sends all through `here`.
    pub async fn new() -> Arc<World> {
        let world = Arc::new(World {
            tables: Mutex::default(),
            feed: Mutex::default(),
            mute: AtomicBool::new(false),
            proposed: Mutex::default(),
            faults: Mutex::default(),
            latency: Mutex::new(Duration::from_millis(2)),
            refused: Mutex::default(),
            before_entry: Mutex::default(),
            permits: Arc::default(),
            drained: Mutex::default(),
            observed: Mutex::default(),
            index: AtomicU64::new(0),
            random: AtomicU64::new(1),
            started: Instant::now(),
            wall: AtomicU64::new(0),
            time_known: AtomicBool::new(true),
            journal: Arc::default(),
            boots: AtomicU64::new(1),
        });
        let action = Box::new(FollowUpAction::AdoptApp(send_state()));
        world.apply(Command::FollowUp { source: GroupId::CONTROL, number: 1, action });
        world.adopt(1, &[("here", 1)]);
        world
    }

    /// Starts the node's sender in an incarnation.
    pub fn start(self: &Arc<World>, provider: &Arc<Provider>, incarnation: u64) -> Sender {
        self.start_with(provider, config(incarnation))
    }

    /// Starts the node's sender with a configuration.
    pub fn start_with(self: &Arc<World>, provider: &Arc<Provider>, config: SenderConfig) -> Sender {
        let (feed, feeds) = sender::feed::feed(config.region.clone(), &[GROUP]);
        *self.feed.lock().unwrap() = Some(feed);
        let driver: Arc<dyn sender::Driver> = Arc::clone(provider) as _;
        let by_name: BTreeMap<_, _> = CHANNELS.iter().map(|channel| (*channel, "provider".to_owned())).collect();
        let routes = Routes::new(&[driver], &by_name).unwrap();
        let ports = Ports {
            log: Arc::clone(self) as _,
            reads: Arc::clone(self) as _,
            permits: Arc::clone(self) as _,
            observations: Arc::clone(self) as _,
            time: Arc::clone(self) as _,
            clock: Arc::clone(self) as _,
            random: Arc::clone(self) as _,
            journal: Arc::new(Journal::open(Arc::clone(&self.journal) as _, self.boot()).unwrap()),
        };
        Sender::start(config, ports, routes, feeds)
    }

    /// Accepts SMS for recipients number `numbers`, worth sending for a day.
    pub fn accept(&self, class: Class, numbers: std::ops::Range<u64>) -> Vec<MessageId> {
        self.accept_sms("hello", class, (numbers, Duration::from_secs(86_400)))
    }

    /// Accepts SMS with a text and a time to live.
    pub fn accept_sms(
        &self,
        text: &str,
        class: Class,
        (numbers, time_to_live): (std::ops::Range<u64>, Duration),
    ) -> Vec<MessageId> {
        let text = text.to_owned();
        let (purpose, registration) = (Purpose::Transactional, SmsRegistration::default());
        let content = Content::Sms { text, purpose, origination_number: None, sender_id: None, registration };
        let body = BodyId(u128::from(self.next_u64()));
        self.accept_body((body, BodyContent::Whole(content)), class, (numbers, time_to_live))
    }

    /// Accepts messages with a body, of which all pieces must have been put, and a time to live.
    pub fn accept_body(
        &self,
        (body, content): (BodyId, BodyContent),
        class: Class,
        (numbers, time_to_live): (std::ops::Range<u64>, Duration),
    ) -> Vec<MessageId> {
        let recipients: Vec<Recipient> = numbers.map(|number| self.recipient(number)).collect();
        let messages = recipients.iter().map(|recipient| recipient.message).collect();
        let outcome = self.apply(Command::AcceptMessages(Box::new(AcceptMessages {
            app: APP,
            channel: Channel::Sms,
            body,
            content,
            substitutions: Substitutions::new(),
            class: Some(class),
            time_to_live_ms: time_to_live.as_millis() as u64,
            trace: None,
            context: BTreeMap::new(),
            recipients,
        })));
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
        messages
    }

    fn recipient(&self, number: u64) -> Recipient {
        let (address, key) = phone(number);
        let message = MessageId::new(GROUP, self.time(), number);
        let (substitutions, context) = (Substitutions::new(), BTreeMap::new());
        Recipient { message, address, key, endpoint: None, name: RecipientName::default(), substitutions, context }
    }

    /// Adopts a plan with these weights; a region without weight is evacuated.
    pub fn adopt(&self, epoch: u64, weights: &[(&str, u32)]) {
        self.apply(adoption(epoch, weights));
    }

    /// Applies a command as an entry of its own.
    pub fn apply(&self, command: Command) -> Outcome {
        self.apply_all(vec![Proposal { request: None, command }]).remove(0)
    }

    fn apply_all(&self, proposals: Vec<Proposal>) -> Vec<Outcome> {
        let mut effects = Vec::new();
        let outcomes = {
            let mut tables = self.tables.lock().unwrap();
            let context = ApplyContext { group: GROUP, partitions: 1, known: registry::VERSIONS, stamp: self.time() };
            apply_entry(Arc::make_mut(&mut tables), context, &proposals, &mut effects).unwrap()
        };
        self.index.fetch_add(1, Ordering::Relaxed);
        if let Some(feed) = &*self.feed.lock().unwrap()
            && !self.mute.load(Ordering::Relaxed)
        {
            feed.offer(GROUP, &effects);
        }
        outcomes
    }

    /// Lets the sender hear of effects or not; it is told that it missed some when it hears again.
    pub fn mute(&self, mute: bool) {
        self.mute.store(mute, Ordering::Relaxed);
        if let (false, Some(feed)) = (mute, &*self.feed.lock().unwrap()) {
            feed.missed(GROUP);
        }
    }

    /// Lets the next proposal of a command with this name go wrong.
    pub fn fail_next(&self, command: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((command, fault));
    }

    /// Sets how long a proposal takes to be applied, and again to be answered.
    pub fn set_latency(&self, latency: Duration) {
        *self.latency.lock().unwrap() = latency;
    }

    /// Returns the group's time.
    pub fn time(&self) -> Timestamp {
        Timestamp(EPOCH_OF_TIME).plus(self.started.elapsed())
    }

    /// Sets this node's wall clock.
    pub fn set_wall(&self, shows: u64) {
        self.wall.store(shows, Ordering::Relaxed);
    }

    /// Says whether the group's time is known here.
    pub fn know_time(&self, known: bool) {
        self.time_known.store(known, Ordering::Relaxed);
    }

    /// Boots the node's machine again.
    pub fn reboot(&self) {
        self.boots.fetch_add(1, Ordering::Relaxed);
    }

    fn boot(&self) -> Option<u128> {
        Some(u128::from(self.boots.load(Ordering::Relaxed)))
    }

    /// Takes the lease away or gives it back.
    pub fn set_lease(&self, held: bool) {
        *self.refused.lock().unwrap() = (!held).then_some(NoPermit::NoLease);
    }

    /// Applies a command just before the critical section is entered for the `count`-th time from now.
    pub fn apply_before_entry(&self, count: u32, command: Command) {
        *self.before_entry.lock().unwrap() = Some((count, command));
    }

    /// Says whether everything applied is fenced: whether no check from before has yet to begin.
    pub fn fenced(&self) -> bool {
        self.permits.load(Ordering::Relaxed) == 0
    }

    /// Returns the commands of a name that were proposed through the log.
    pub fn proposed(&self, name: &str) -> Vec<Command> {
        self.proposed.lock().unwrap().iter().filter(|command| command.name() == name).cloned().collect()
    }

    /// Returns the epochs for which drained was reported.
    pub fn drained(&self) -> Vec<Epoch> {
        self.drained.lock().unwrap().clone()
    }

    /// Returns how many dispatches were observed.
    pub fn observed(&self) -> u64 {
        self.observed.lock().unwrap().iter().flat_map(|observation| observation.results.values()).sum()
    }

    /// Returns how far a message got.
    pub fn progress(&self, message: MessageId) -> Progress {
        let tables = Arc::clone(&self.tables.lock().unwrap());
        tables.row::<ProgressOf>(&message).unwrap().unwrap()
    }

    /// Says whether all messages have a status.
    pub fn all_at(&self, messages: &[MessageId], status: Status) -> bool {
        messages.iter().all(|message| self.progress(*message).status == status)
    }

    /// Lets time pass until all messages have a status.
    ///
    /// # Panics
    /// When they have not within a simulated hour.
    pub async fn until_all(&self, messages: &[MessageId], status: Status) {
        self.until(|world| world.all_at(messages, status)).await;
    }

    /// Lets time pass until something holds.
    ///
    /// # Panics
    /// When it doesn't within a simulated hour.
    pub async fn until(&self, holds: impl Fn(&World) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < Duration::from_secs(3_600), "waited in vain");
            pass(Duration::from_millis(1)).await;
        }
    }
}

/// The adoption of a plan with these weights; a region without weight is evacuated.
pub fn adoption(epoch: u64, weights: &[(&str, u32)]) -> Command {
    let state = |weight| if weight > 0 { RegionState::Active } else { RegionState::Evacuated };
    let plan = TrafficPlan {
        epoch: Epoch(epoch),
        parent: Epoch(epoch - 1),
        mode: Mode::ActiveActive,
        regions: weights.iter().map(|(name, weight)| (region(name), state(*weight))).collect(),
        weights: weights.iter().map(|(name, weight)| (region(name), *weight)).collect(),
        channel_weights: BTreeMap::new(),
        scopes: BTreeMap::new(),
        diverted: BTreeMap::new(),
        frozen: std::collections::BTreeSet::new(),
        reason: "test".to_owned(),
        evidence: BTreeMap::new(),
        author: Author::Automatic,
        time: Timestamp(0),
    };
    Command::AdoptPlan { plan: Box::new(plan) }
}

/// Lets simulated time pass.
pub async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// A region by its name.
pub fn region(name: &str) -> RegionId {
    RegionId::new(name).unwrap()
}

/// The telephone number of a recipient.
pub fn phone(number: u64) -> (Address, model::AddressKey) {
    Address::normal(Channel::Sms, &format!("+1206{number:07}")).unwrap()
}

/// The configuration of node 1 in an incarnation.
pub fn config(incarnation: u64) -> SenderConfig {
    SenderConfig {
        region: region("here"),
        node: NodeId(1),
        incarnation: Incarnation(incarnation),
        rates: BTreeMap::new(),
        region_nodes: 1,
        limits: Limits::default(),
    }
}

/// A configuration that paces SMS.
pub fn paced(per_second: u64, burst: u64) -> SenderConfig {
    SenderConfig { rates: BTreeMap::from([(Channel::Sms, Rate { per_second, burst })]), ..config(1) }
}

fn send_state() -> AppSendState {
    let channel = |channel| {
        let detail = match channel {
            Channel::Sms => {
                ChannelDetail::Sms { sender_id: Some("Sender".to_owned()), short_code: None, default_country: None }
            }
            _ => ChannelDetail::Custom,
        };
        (channel, ChannelSendState { enabled: true, class: None, detail })
    };
    AppSendState {
        app: APP,
        channels: CHANNELS.into_iter().map(channel).collect(),
        revision: Revision(1),
        deleted: false,
    }
}
