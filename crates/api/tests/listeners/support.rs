//! A node without consensus: the real registry over tables in memory, behind the real use cases. What is proposed is
//! applied at once; follow-ups are delivered at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{Key, KeyStore, QuotaLimits, Quotas};
use model::address::Address;
use model::channel::Channel;
use model::cluster::Nodes;
use model::command::{Command, FOLLOW_UPS_MAX, Proposal, Settlement};
use model::id::{GroupId, LogIndex, MessageId, NodeId, RegionId};
use model::message::SendResult;
use model::plan::Mode;
use model::time::{BootTime, Timestamp};
use policy::{Action, Grant, Principal};
use registry::ApplyContext;
use registry::tables::{FollowUpCounts, FollowUps, MemoryTables, ReadRows, View, WriteRows};
use service::ports::{
    Applied, BoxFuture, Clock, Destinations, GroupTime, LogError, NeighbourNews, Neighbours, Random, Reads, ReadsError,
    ReplicatedLog,
};
use service::use_cases::Ports;
use service::{Facts, Service};
use tokio::sync::watch;
use traffic::loss::Starved;
use traffic::readiness::{NotReady, RegionReadiness};

pub const PARTITIONS: u16 = 4;
pub const KEY_ID: &str = "AKIASIGNALBOXKIT0001";
pub const SECRET: &str = "signalbox-kit-secret";
pub const READER_ID: &str = "AKIASIGNALBOXREADER1";
pub const DENIED_ID: &str = "AKIASIGNALBOXDENIED1";
pub const START: Timestamp = Timestamp(1_767_323_045_000);

/// The groups of a node, applied as they are proposed.
pub struct Groups {
    tables: Mutex<BTreeMap<GroupId, MemoryTables>>,
    applied: watch::Sender<u64>,
    clock: Arc<TestClock>,
    /// What the next proposals are answered with instead of being applied.
    pub failure: Mutex<Option<LogError>>,
    /// After how many more proposals `failure` begins.
    pub failure_after: AtomicUsize,
    /// While it holds `false`, no proposal is answered.
    pub open: watch::Sender<bool>,
    /// How many proposals wait for an answer.
    pub waiting: AtomicUsize,
}

/// A clock that stands still unless it is moved.
pub struct TestClock(pub AtomicU64);

/// Counts instead of drawing.
pub struct TestRandom(AtomicU64);

impl Groups {
    fn apply(&self, group: GroupId, proposals: &[Proposal]) -> Applied {
        let mut tables = self.tables.lock().unwrap();
        let outcomes = self.apply_to(&mut tables, group, proposals);
        self.deliver(&mut tables);
        drop(tables);
        self.applied.send_modify(|index| *index += 1);
        Applied { outcomes, index: LogIndex(*self.applied.borrow()) }
    }

    /// Returns a group's tables.
    pub fn tables(&self, group: GroupId) -> MemoryTables {
        self.tables.lock().unwrap().entry(group).or_default().clone()
    }

    /// Lets as many follow-ups wait in every group for every partition as may.
    pub fn fill_follow_ups(&self) {
        let mut tables = self.tables.lock().unwrap();
        for group in GroupId::all(PARTITIONS) {
            for target in GroupId::partitions(PARTITIONS) {
                WriteRows::<FollowUpCounts>::put(tables.entry(group).or_default(), target, FOLLOW_UPS_MAX);
            }
        }
    }

    fn apply_to(
        &self,
        tables: &mut BTreeMap<GroupId, MemoryTables>,
        group: GroupId,
        proposals: &[Proposal],
    ) -> Vec<model::Outcome> {
        let context =
            ApplyContext { group, partitions: PARTITIONS, known: registry::VERSIONS, stamp: self.clock.wall_time() };
        registry::apply_entry(tables.entry(group).or_default(), context, proposals, &mut Vec::new()).unwrap()
    }

    fn deliver(&self, tables: &mut BTreeMap<GroupId, MemoryTables>) {
        for source in GroupId::all(PARTITIONS) {
            let waiting =
                ReadRows::<FollowUps>::scan(tables.entry(source).or_default(), &(GroupId(0), 0), 1_000).unwrap();
            for ((target, number), action) in waiting {
                let follow_up = Command::FollowUp { source, number, action: Box::new(action) };
                self.apply_to(tables, target, &[internal(follow_up)]);
                self.apply_to(tables, source, &[internal(Command::FollowUpsDone { target, through: number })]);
            }
        }
    }
}

fn internal(command: Command) -> Proposal {
    Proposal { request: None, command }
}

impl ReplicatedLog for Groups {
    fn propose(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        _deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        let mut failure = self.failure.lock().unwrap().clone();
        let count = |left: usize| left.checked_sub(1);
        if failure.is_some() && self.failure_after.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count).is_ok() {
            failure = None;
        }
        let mut open = self.open.subscribe();
        Box::pin(async move {
            self.waiting.fetch_add(proposals.len(), Ordering::SeqCst);
            open.wait_for(|open| *open).await.unwrap();
            self.waiting.fetch_sub(proposals.len(), Ordering::SeqCst);
            match failure {
                Some(error) => Err(error),
                None => Ok(self.apply(group, &proposals)),
            }
        })
    }

    fn propose_fenced(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        self.propose(group, proposals, deadline)
    }
}

impl Reads for Groups {
    fn view(&self, group: GroupId) -> Result<Arc<dyn View + Send + Sync>, ReadsError> {
        Ok(Arc::new(self.tables.lock().unwrap().entry(group).or_default().clone()))
    }

    fn applied(&self, _group: GroupId) -> LogIndex {
        LogIndex(*self.applied.borrow())
    }

    fn applied_after(
        &self,
        group: GroupId,
        index: LogIndex,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<LogIndex, ReadsError>> {
        let mut applied = self.applied.subscribe();
        Box::pin(async move {
            let reached = applied.wait_for(|now| *now > index.0);
            match tokio::time::timeout(deadline, reached).await {
                Ok(Ok(now)) => Ok(LogIndex(*now)),
                _ => Err(ReadsError::TooLate { group, waited: deadline }),
            }
        })
    }

    fn linearize(&self, _group: GroupId, _deadline: Duration) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Clock for TestClock {
    fn boot_time(&self) -> BootTime {
        BootTime(0)
    }

    fn boot_id(&self) -> Option<u128> {
        None
    }

    fn wall_time(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl GroupTime for TestClock {
    fn now(&self, _group: GroupId) -> Option<Timestamp> {
        Some(self.wall_time())
    }
}

impl Random for TestRandom {
    fn next_u64(&self) -> u64 {
        model::address::mix(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// Neighbours that are ready, but for those that a test says aren't.
pub struct TestNeighbours(Mutex<RegionReadiness>, AtomicUsize);

impl TestNeighbours {
    /// Is ready when it was asked so many times more.
    pub fn ready_after(&self, asks: usize) {
        self.1.store(asks, Ordering::Relaxed);
    }

    pub fn set(&self, name: &str, lacks: Option<NotReady>) {
        let both = ["us-east-1", "eu-west-1"].map(|other| (region(other), lacks.clone().filter(|_| other == name)));
        *self.0.lock().unwrap() = both.into_iter().collect();
    }
}

impl Default for TestNeighbours {
    fn default() -> TestNeighbours {
        let neighbours = TestNeighbours(Mutex::default(), AtomicUsize::new(usize::MAX));
        neighbours.set("", None);
        neighbours
    }
}

impl Neighbours for TestNeighbours {
    fn leads(&self, _: GroupId) -> bool {
        true
    }

    fn nodes(&self) -> Nodes {
        Nodes::new()
    }

    fn news(&self) -> BTreeMap<NodeId, NeighbourNews> {
        BTreeMap::new()
    }

    fn starved(&self) -> Vec<Starved> {
        Vec::new()
    }

    fn builds(&self) -> BTreeMap<NodeId, (model::version::Build, Duration)> {
        BTreeMap::new()
    }

    fn readiness(&self) -> RegionReadiness {
        if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.set("", None);
        }
        self.0.lock().unwrap().clone()
    }
}

/// A node with a plan.
pub struct Node {
    pub groups: Arc<Groups>,
    pub clock: Arc<TestClock>,
    pub service: Service,
    pub neighbours: Arc<TestNeighbours>,
}

impl Node {
    pub async fn start() -> Node {
        let clock = Arc::new(TestClock(AtomicU64::new(START.0)));
        let groups = Arc::new(Groups {
            tables: Mutex::default(),
            applied: watch::Sender::new(0),
            clock: clock.clone(),
            failure: Mutex::default(),
            failure_after: AtomicUsize::new(0),
            open: watch::Sender::new(true),
            waiting: AtomicUsize::new(0),
        });
        let facts = Facts { node: NodeId(1), region: region("us-east-1"), partitions: PARTITIONS };
        let random = Arc::new(TestRandom(AtomicU64::new(0)));
        let neighbours = Arc::new(TestNeighbours::default());
        let service = Service::new(
            facts,
            Ports {
                log: groups.clone(),
                reads: groups.clone(),
                time: clock.clone(),
                neighbours: neighbours.clone(),
                clock: clock.clone(),
                random,
                destinations: Arc::new(Urls),
            },
        );
        service.first_plan(Mode::ActiveActive, &[region("us-east-1"), region("eu-west-1")]).await.unwrap();
        Node { groups, clock, service, neighbours }
    }
}

impl Node {
    /// Settles a waiting message as if its region had dispatched it.
    pub async fn settle(&self, message: MessageId) {
        let region = self.service.get_message(message).await.unwrap().progress.region;
        let result = SendResult::Delivered { provider_id: None };
        let results = vec![Settlement { message, attempt: 1, result }];
        let command = Command::Settle { region, results };
        self.service.record(vec![(message.group(), Proposal { request: None, command })]).await.unwrap();
    }
}

pub fn region(name: &str) -> RegionId {
    RegionId::new(name).unwrap()
}

pub fn quotas(limits: QuotaLimits) -> Arc<Quotas> {
    Arc::new(Quotas::new(&keys(), limits))
}

pub fn keys() -> Arc<KeyStore> {
    let key = |id: &str, name: &str, grant: Grant| Key {
        id: id.into(),
        secret: SECRET.into(),
        principal: Principal { name: name.into() },
        grant,
    };
    Arc::new(
        KeyStore::new([
            key(KEY_ID, "kit", Grant::Everything),
            key(READER_ID, "reader", Grant::Actions([Action::GetApp, Action::GetEndpoint].into())),
            key(DENIED_ID, "denied", Grant::Nothing),
        ])
        .unwrap(),
    )
}

/// Knows of addresses what a driver would: one of the CUSTOM channel is a URL.
struct Urls;

impl Destinations for Urls {
    fn check(&self, channel: Channel, address: &Address) -> Result<(), String> {
        let fits = channel != Channel::Custom || address.as_str().starts_with("https://");
        fits.then_some(()).ok_or_else(|| "the address is no URL".to_owned())
    }
}
