//! A group whose entries take long: new work is refused at every node, and what ends work goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::address::{Address, partition_of_app};
use model::app::ChannelDetail;
use model::channel::Channel;
use model::cluster::Nodes;
use model::command::{Command, Proposal, Settlement};
use model::content::{Content, Purpose, SmsRegistration, Substitutions};
use model::endpoint::{EndpointOptOut, EndpointPatch};
use model::id::{AppId, EndpointId, GroupId, MessageId, NodeId};
use model::message::{SendResult, Status};
use model::opt_out::OptOutSource;
use model::plan::Mode;
use model::reading::GivenAddress;
use model::version::Build;
use service::duties::{Duty, FollowUpDuty, PlanDuty};
use service::ports::{Destinations, NeighbourNews, Neighbours, PreparedContent};
use service::use_cases::{
    CreateApp, OptOutKey, Ports, PutChannel, SendOutcome, SendRequest, SendTarget, To, UpsertEndpointRequest,
};
use service::{ErrorCode, Facts, Service, ServiceError};
use traffic::loss::Starved;
use traffic::readiness::RegionReadiness;

use crate::support::{Cluster, PARTITIONS, eventually, random};

const CHANNEL: Channel = Channel::Sms;

/// Nobody is asked who is ready: no plan is changed here but the first.
struct NoNeighbours;

impl Neighbours for NoNeighbours {
    fn leads(&self, _: GroupId) -> bool {
        false
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

    fn builds(&self) -> BTreeMap<NodeId, (Build, Duration)> {
        BTreeMap::new()
    }

    fn readiness(&self) -> RegionReadiness {
        RegionReadiness::default()
    }
}

/// The use cases of one node.
struct Client {
    service: Service,
    app: AppId,
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

/// Every address is one.
struct Anywhere;

impl Destinations for Anywhere {
    fn check(&self, _channel: Channel, _address: &Address) -> Result<(), String> {
        Ok(())
    }
}

impl Client {
    fn service(cluster: &Cluster, id: NodeId) -> Service {
        let replication = Arc::new(cluster.node(id).clone());
        let facts = Facts { node: id, region: cluster.region(id), partitions: PARTITIONS };
        let random = random(NodeId(100 + id.0));
        let (log, reads, time) = (replication.clone(), replication.clone(), replication);
        let (clock, neighbours, destinations) = (cluster.clock(), Arc::new(NoNeighbours), Arc::new(Anywhere));
        Service::new(facts, Ports { log, reads, time, neighbours, clock, random, destinations })
    }

    /// Makes a plan and an app, and returns the listeners of all nodes when every partition knows them.
    async fn all(cluster: &Cluster) -> BTreeMap<NodeId, Client> {
        for running in cluster.running.values() {
            running.replication.spawn_duties(Arc::new(|group| {
                let mut duties: Vec<Box<dyn Duty>> = vec![Box::new(FollowUpDuty::new(group))];
                if group == GroupId::CONTROL {
                    duties.push(Box::new(PlanDuty::new(PARTITIONS)));
                }
                duties
            }));
        }
        let service = Client::service(cluster, NodeId(1));
        let regions: Vec<_> = cluster.ids().into_iter().map(|id| cluster.region(id)).collect();
        service.first_plan(Mode::ActiveActive, &regions).await.unwrap();
        let app = service.create_app(CreateApp { name: "n".to_owned(), tags: BTreeMap::new() }).await.unwrap().id;
        let detail = ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None };
        let put = PutChannel { app, channel: CHANNEL, enabled: Some(true), class: None, detail };
        service.put_channel(put).await.unwrap();
        let clients: BTreeMap<_, _> =
            cluster.ids().into_iter().map(|id| (id, Client { service: Client::service(cluster, id), app })).collect();
        for client in clients.values() {
            eventually("every partition to know the app", || async { client.opt_out(1).await.ok() }).await;
            eventually("every partition to have the plan", || async { client.send(2).await.ok() }).await;
        }
        clients
    }

    async fn send(&self, number: u64) -> Result<MessageId, ServiceError> {
        let text = "hi".to_owned();
        let (purpose, registration) = (Purpose::Transactional, SmsRegistration::default());
        let content = Content::Sms { text, purpose, origination_number: None, sender_id: None, registration };
        let request = SendRequest {
            app: self.app,
            targets: vec![SendTarget {
                to: To::Address { channel: CHANNEL, address: address(number) },
                content: None,
                substitutions: BTreeMap::new(),
                context: BTreeMap::new(),
            }],
            contents: BTreeMap::from([(CHANNEL, Arc::new(AsItIs(content)) as _)]),
            substitutions: BTreeMap::new(),
            trace: None,
            context: BTreeMap::new(),
            class: None,
            time_to_live: None,
            request: None,
        };
        match self.service.send_messages(request).await?.remove(0).outcome {
            SendOutcome::Accepted(message) => Ok(message),
            other => panic!("{other}"),
        }
    }

    async fn upsert(&self, opt_out: EndpointOptOut) -> Result<(), ServiceError> {
        let patch = EndpointPatch {
            channel: Some(CHANNEL),
            address: Some(GivenAddress::normal(&address(3))),
            opt_out: Some(opt_out),
            ..EndpointPatch::default()
        };
        let (endpoint, request) = (EndpointId::from_stored("e"), self.service.new_request_id());
        let request = UpsertEndpointRequest { app: self.app, endpoint, display_id: "e".to_owned(), patch, request };
        self.service.upsert_endpoint(request).await.map(|_| ())
    }

    async fn opt_out(&self, number: u64) -> Result<(), ServiceError> {
        let (_, key) = Address::normal(CHANNEL, &address(number)).unwrap();
        let which = OptOutKey { app: self.app, key, channel: CHANNEL };
        self.service.put_opt_out(which, OptOutSource::Request).await.map(|_| ())
    }

    async fn settle(&self, message: MessageId) -> Result<(), ServiceError> {
        let region = self.service.get_message(message).await?.progress.region;
        let results = vec![Settlement { message, attempt: 1, result: SendResult::Delivered { provider_id: None } }];
        let command = Command::Settle { region, results };
        self.service.record(vec![(message.group(), Proposal { request: None, command })]).await
    }
}

fn address(number: u64) -> String {
    format!("+1206555{number:04}")
}

/// Returns the addresses' numbers from `from` on that are of a partition.
fn numbers_of(group: GroupId, from: u64) -> impl Iterator<Item = u64> {
    (from..).filter(move |number| {
        let (_, key) = Address::normal(CHANNEL, &address(*number)).unwrap();
        key.partition(PARTITIONS) == group
    })
}

fn is_refused<T: std::fmt::Debug>(answer: Result<T, ServiceError>) {
    let refused = answer.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Overloaded, "{refused:?}");
    assert!(refused.retry_after_ms.is_some());
}

#[tokio::test(start_paused = true)]
async fn new_work_is_refused_and_what_ends_work_goes_on() {
    let cluster = Cluster::start().await;
    cluster.balanced().await;
    let clients = Client::all(&cluster).await;
    // The app's endpoints are there, and so are the recipients that are chosen.
    let group = partition_of_app(clients[&NodeId(1)].app, PARTITIONS);
    let mut numbers = numbers_of(group, 100);
    let mut number = || numbers.next().unwrap();
    for id in [cluster.leader(group).await, cluster.followers(group).await[0]] {
        let client = &clients[&id];
        let message = client.send(number()).await.unwrap();
        cluster.syncs_take(Duration::from_secs(2));
        let ended = client.send(number()).await.unwrap();
        for _ in 0..8 {
            client.settle(ended).await.unwrap();
        }
        let (opted_out, endpoint_opted_out, sent, written, settled) = futures::join!(
            client.opt_out(number()),
            client.upsert(EndpointOptOut::All),
            client.send(number()),
            client.upsert(EndpointOptOut::None),
            client.settle(message)
        );
        opted_out.unwrap();
        endpoint_opted_out.unwrap();
        is_refused(sent);
        is_refused(written);
        settled.unwrap();
        assert_eq!(client.service.get_message(message).await.unwrap().progress.status, Status::Delivered);

        cluster.syncs_take(Duration::ZERO);
        for _ in 0..40 {
            client.settle(ended).await.unwrap();
        }
        let (opted_out, sent, written) =
            futures::join!(client.opt_out(number()), client.send(number()), client.upsert(EndpointOptOut::None));
        opted_out.unwrap();
        sent.unwrap();
        written.unwrap();
    }
}
