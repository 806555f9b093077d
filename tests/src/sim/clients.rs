//! The clients of a run. Each region has a writer, which writes and reads endpoints, and a sender of messages, which
//! also opts recipients out and now and then changes the plan. They use their node's use cases and note what they were
//! told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::address::Address;
use model::app::ChannelDetail;
use model::channel::Channel;
use model::content::{Content, Purpose, SmsRegistration, Substitutions};
use model::endpoint::{EndpointOptOut, EndpointPatch};
use model::id::{AppId, EndpointId, GroupId, NodeId, RegionId, RequestId};
use model::message::Class;
use model::opt_out::OptOutSource;
use model::plan::{Author, RegionState};
use model::reading::GivenAddress;
use node::{NodeReadiness, RunningNode};
use service::ports::{PreparedContent, Random as _, Reads};
use service::use_cases::{
    CreateApp, OptOutKey, PlanMove, PlanRequest, PutChannel, ReadMode, SendOutcome, SendRequest, SendTarget, To,
    UpsertEndpointRequest,
};
use service::{ErrorCode, Service, ServiceError};
use tokio::task::JoinSet;

use super::cluster::{Cluster, PARTITIONS};
use super::faults::Tick;
use super::history::{Answered, Asked, now};
use super::settings::{Scene, Settings, region};
use super::world::SimRandom;

/// How many endpoints each writer has.
const ENDPOINTS: u64 = 3;
/// Among how many addresses messages are sent at a time.
const ADDRESSES: u64 = 6;
/// How long a client rests between operations at most, in milliseconds.
const REST_MAX_MS: u64 = 250;
/// How many senders of messages each region has.
const SENDERS: u64 = 2;
/// How long it waits for the app to be there.
const APP_RETRY: Duration = Duration::from_millis(50);
/// How long one try to find out whether the node has caught up may take.
const READY_TRY: Duration = Duration::from_secs(2);
/// How often a message is sent again with the same request id, when it isn't known whether it was accepted.
const SENDS_MAX: usize = 3;
/// How long messages that are to expire soon are worth sending.
const SHORT_LIFE: Duration = Duration::from_secs(3);
/// The same where nothing is to expire: more than messages may wait for a line that is cut.
const CALM_SHORT_LIFE: Duration = Duration::from_secs(7);
/// The node whose client makes the app.
const MAKER: NodeId = NodeId(1);

/// Sets the clients of a node going. A client that is cut off by a crash is another client's concern after the restart.
pub fn spawn(cluster: &Arc<Cluster>, node: &RunningNode, tasks: &mut JoinSet<String>) {
    let client = || Client {
        cluster: cluster.clone(),
        service: node.service.clone(),
        reads: Arc::new(node.replication.clone()),
        readiness: node.readiness.clone(),
        random: cluster.random(),
    };
    tasks.spawn(client().write());
    for number in 1..=SENDERS {
        tasks.spawn(client().send(number));
    }
}

/// Returns the names of all clients.
pub fn names(settings: &Settings) -> BTreeSet<String> {
    let of_region = |region: RegionId| {
        (1..=SENDERS)
            .map(|number| format!("sender {number}"))
            .chain(["writer".to_owned()])
            .map(move |role| format!("{role} of {region}"))
    };
    settings.serving().map(region).flat_map(of_region).collect()
}

struct Client {
    cluster: Arc<Cluster>,
    service: Service,
    reads: Arc<dyn Reads>,
    readiness: NodeReadiness,
    random: SimRandom,
}

impl Client {
    async fn write(self) -> String {
        let app = self.app().await;
        while !self.cluster.is_closing() {
            self.rest().await;
            let own = self.random.below(ENDPOINTS);
            let somebodys = self.some_region();
            match self.random.below(10) {
                0..6 => drop(self.write_endpoint(app, own).await),
                6..8 => self.read_endpoint(app, format!("{}-{own}", self.region()), ReadMode::Local).await,
                _ => {
                    let endpoint = format!("{somebodys}-{own}");
                    self.read_endpoint(app, endpoint, ReadMode::Linearizable).await;
                }
            }
        }
        // The cluster is healed: it must take writes again.
        while !self.write_endpoint(app, 0).await {
            self.rest().await;
        }
        self.close("writer").await
    }

    async fn send(self, number: u64) -> String {
        let app = self.app().await;
        while !self.cluster.is_closing() {
            self.rest().await;
            match self.random.below(20) {
                0..14 => self.send_message(app).await,
                14..17 => drop(self.opt_out(app).await),
                17 => self.opt_out_by_endpoint(app).await,
                19 if self.cluster.settings.scene == Scene::Crossed => self.restore().await,
                _ if self.cluster.settings.is_calm() => self.send_message(app).await,
                18 => self.evacuate().await,
                _ => self.restore().await,
            }
        }
        // The cluster is healed: it must fence again, and take its regions back when told.
        while !self.opt_out(app).await {
            self.rest().await;
        }
        while !self.all_serve().await {
            self.restore().await;
            self.rest().await;
        }
        self.send_message(app).await;
        self.close(&format!("sender {number}")).await
    }

    async fn close(&self, role: &str) -> String {
        self.cluster.client_closed(format!("{role} of {}", self.region()));
        std::future::pending().await
    }

    fn some_region(&self) -> RegionId {
        let serving: Vec<NodeId> = self.cluster.settings.serving().collect();
        region(serving[self.random.below(serving.len() as u64) as usize])
    }

    fn region(&self) -> &RegionId {
        &self.service.facts().region
    }

    async fn rest(&self) {
        tokio::time::sleep(Duration::from_millis(1 + self.random.below(REST_MAX_MS))).await;
    }

    /// Waits until the node has caught up with what was committed when it started: until then its listener isn't ready,
    /// and its own acknowledged writes may be missing from what it reads.
    async fn ready(&self) {
        for group in GroupId::all(PARTITIONS) {
            // A replica that isn't here yet can't be made current.
            while self.reads.view(group).is_err() || self.reads.linearize(group, READY_TRY).await.is_err() {
                self.rest().await;
            }
        }
    }

    /// Waits for the app; a client of the first region makes it.
    async fn app(&self) -> AppId {
        self.ready().await;
        loop {
            if let Some(app) = self.cluster.app()
                && self.service.get_channel(app, Channel::Sms).await.is_ok()
            {
                return app;
            }
            if self.service.facts().node == MAKER && self.cluster.next_number("makers of the app") == 1 {
                self.make_app().await;
            }
            tokio::time::sleep(APP_RETRY).await;
        }
    }

    async fn make_app(&self) {
        let app = loop {
            let request = CreateApp { name: "simulated".to_owned(), tags: BTreeMap::new() };
            match self.service.create_app(request).await {
                Ok(app) => break app.id,
                Err(_) => self.rest().await,
            }
        };
        let detail = ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None };
        let request = PutChannel { app, channel: Channel::Sms, enabled: Some(true), class: None, detail };
        while self.service.put_channel(request.clone()).await.is_err() || self.service.plan().await.is_err() {
            self.rest().await;
        }
        self.cluster.set_app(app);
    }

    /// Writes the endpoint's next number; says whether that was acknowledged.
    async fn write_endpoint(&self, app: AppId, own: u64) -> bool {
        let endpoint = format!("{}-{own}", self.region());
        let value = self.cluster.next_number(&endpoint);
        let patch = EndpointPatch {
            attributes: BTreeMap::from([("number".to_owned(), vec![value.to_string()])]),
            ..EndpointPatch::default()
        };
        let asked = Asked::Write { endpoint: endpoint.clone(), value };
        let place = self.cluster.history.ask(self.region(), asked);
        let answer = match self.service.upsert_endpoint(self.upsert(app, &endpoint, patch)).await {
            Ok(_) => Answered::Done,
            Err(error) => unanswered(error),
        };
        let done = answer == Answered::Done;
        self.cluster.history.answer(place, answer);
        done
    }

    fn upsert(&self, app: AppId, endpoint: &str, patch: EndpointPatch) -> UpsertEndpointRequest {
        UpsertEndpointRequest {
            app,
            endpoint: EndpointId::from_stored(endpoint),
            display_id: endpoint.to_owned(),
            patch,
            request: RequestId(self.random.next_u128()),
        }
    }

    async fn read_endpoint(&self, app: AppId, endpoint: String, mode: ReadMode) {
        let id = EndpointId::from_stored(endpoint.clone());
        let asked = Asked::Read { endpoint, linearizable: mode == ReadMode::Linearizable };
        let place = self.cluster.history.ask(self.region(), asked);
        let answer = match self.service.get_endpoint(app, &id, mode).await {
            Ok(found) => Answered::Read(number_of(&found.endpoint)),
            Err(error) if error.code == ErrorCode::NotFound => Answered::Read(None),
            Err(error) => unanswered(error),
        };
        self.cluster.history.answer(place, answer);
    }

    /// Sends to one of the present addresses, most often to the one that is opted out next, seldom to one that was
    /// opted out.
    async fn send_message(&self, app: AppId) {
        let next = self.cluster.opted_out.load(Ordering::SeqCst);
        let address = address(match self.random.below(8) {
            0 => next.saturating_sub(1 + self.random.below(3)),
            1..5 => next,
            _ => next + self.random.below(ADDRESSES),
        });
        let class = [Some(Class::AtLeastOnce), Some(Class::AtMostOnce), None][self.random.below(3) as usize];
        let short = self.random.below(15) == 0;
        let time_to_live = short.then_some(if self.cluster.settings.is_calm() { CALM_SHORT_LIFE } else { SHORT_LIFE });
        let request = SendRequest {
            app,
            targets: vec![SendTarget {
                to: To::Address { channel: Channel::Sms, address: address.clone() },
                content: None,
                substitutions: BTreeMap::new(),
                context: BTreeMap::new(),
            }],
            contents: BTreeMap::from([(Channel::Sms, Arc::new(AsItIs(content())) as _)]),
            substitutions: BTreeMap::new(),
            trace: None,
            context: BTreeMap::new(),
            class,
            time_to_live,
            request: Some(RequestId(self.random.next_u128())),
        };
        let ready = self.readiness.ready().is_ok();
        let until = time_to_live.map(|life| now() + Tick::try_from(life.as_millis()).unwrap_or(Tick::MAX));
        let place = self.cluster.history.ask(self.region(), Asked::Send { address, ready, until });
        let mut answer = self.send_once(&request).await;
        for _again in 1..SENDS_MAX {
            if !matches!(answer, Answered::Unknown(_)) {
                break;
            }
            // The request id makes the repetition harmless; an answer that says "refused" is then only about this try.
            answer = match self.send_once(&request).await {
                Answered::Refused(why) => Answered::Unknown(why),
                other => other,
            };
        }
        self.cluster.history.answer(place, answer);
    }

    async fn send_once(&self, request: &SendRequest) -> Answered {
        match self.service.send_messages(request.clone()).await {
            Ok(answers) => match answers.into_iter().next().map(|answer| answer.outcome) {
                Some(SendOutcome::Accepted(message)) => Answered::Accepted(message),
                Some(SendOutcome::Unknown(why)) => Answered::Unknown(why),
                Some(other) => Answered::Refused(other.to_string()),
                None => Answered::Unknown("no answer".to_owned()),
            },
            Err(error) => unanswered(error),
        }
    }

    /// Opts the oldest of the present addresses out; says whether that was acknowledged.
    async fn opt_out(&self, app: AppId) -> bool {
        let address = address(self.cluster.opted_out.fetch_add(1, Ordering::SeqCst));
        let Ok((_, key)) = Address::normal(Channel::Sms, &address) else { return false };
        let place = self.cluster.history.ask(self.region(), Asked::OptOut { address });
        let which = OptOutKey { app, key, channel: Channel::Sms };
        let answer = match self.service.put_opt_out(which, OptOutSource::Request).await {
            Ok(_) => Answered::Done,
            Err(error) => unanswered(error),
        };
        let done = answer == Answered::Done;
        self.cluster.history.answer(place, answer);
        done
    }

    /// Opts the oldest of the present addresses out through an endpoint, whose block must reach the address' partition.
    async fn opt_out_by_endpoint(&self, app: AppId) {
        let address = address(self.cluster.opted_out.fetch_add(1, Ordering::SeqCst));
        let place = self.cluster.history.ask(self.region(), Asked::OptOut { address: address.clone() });
        let endpoint = format!("opted-out-{address}");
        let patch = EndpointPatch {
            channel: Some(Channel::Sms),
            address: Some(GivenAddress::unread(address)),
            opt_out: Some(EndpointOptOut::All),
            ..EndpointPatch::default()
        };
        let answer = match self.service.upsert_endpoint(self.upsert(app, &endpoint, patch)).await {
            Ok(_) => Answered::Done,
            Err(error) => unanswered(error),
        };
        self.cluster.history.answer(place, answer);
    }

    async fn evacuate(&self) {
        self.change_plan(PlanMove::Evacuate(self.some_region())).await;
    }

    /// Takes a region in again that is out, if there is one.
    async fn restore(&self) {
        let Ok(plan) = self.service.plan().await else { return };
        let out = plan.regions.iter().find(|(_, state)| **state == RegionState::Evacuated);
        if let Some((region, _)) = out {
            self.change_plan(PlanMove::Restore(region.clone())).await;
        }
    }

    async fn all_serve(&self) -> bool {
        let plan = self.service.plan().await;
        plan.is_ok_and(|plan| plan.regions.values().all(|state| *state == RegionState::Active))
    }

    async fn change_plan(&self, wanted: PlanMove) {
        let place = self.cluster.history.ask(self.region(), Asked::ChangePlan { change: format!("{wanted:?}") });
        let request = PlanRequest {
            wanted,
            reason: "as the seed says".to_owned(),
            author: Author::Principal("client".to_owned()),
            parent: None,
            overrides: BTreeSet::new(),
        };
        let answer = match self.service.change_plan(request).await {
            Ok(_) => Answered::Done,
            Err(error) => unanswered(error),
        };
        self.cluster.history.answer(place, answer);
    }
}

/// Returns the number that a writer left in an endpoint.
pub fn number_of(endpoint: &model::Endpoint) -> Option<u64> {
    endpoint.attributes.get("number").and_then(|values| values.first()).and_then(|text| text.parse().ok())
}

/// A content that nobody rendered.
#[derive(Debug)]
struct AsItIs(Content);

impl PreparedContent for AsItIs {
    fn content(&self) -> &Content {
        &self.0
    }

    fn check(&self, _recipient: &Substitutions, _message: &Substitutions) -> Result<(), String> {
        Ok(())
    }
}

fn content() -> Content {
    Content::Sms {
        text: "hello".to_owned(),
        purpose: Purpose::Transactional,
        origination_number: None,
        sender_id: None,
        registration: SmsRegistration::default(),
    }
}

fn address(number: u64) -> String {
    format!("+1206555{number:04}")
}

/// Errors say whether anything may have been done.
fn unanswered(error: ServiceError) -> Answered {
    let text = format!("{:?}: {}", error.code, error.message);
    match error.code {
        ErrorCode::Unknown => Answered::Unknown(text),
        _ => Answered::Refused(text),
    }
}
