//! A gRPC listener over a node in memory, on a loopback socket, and clients with a key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::QuotaLimits;
use api::grpc::{GrpcApi, GrpcApiParts, GrpcLimits, KEY_ID as KEY_ID_NAME, KEY_SECRET, serve};
use model::Destination;
use model::alarm::{Alarm, AlarmName};
use model::cluster::{NodeInfo, RegionKind};
use model::id::{GroupId, LogIndex, NodeId, RegionId, Term};
use rustls::ServerConfig;
use service::ports::{
    Alarms, BoxFuture, ClusterControl, ClusterError, ClusterStatus, GroupStatus, HealthReport, HealthReports, TimeLeap,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use traffic::health::{Advice, Standing};
use traffic::observed::{ChannelView, Finding, Subject};

use crate::support::{KEY_ID, Node, SECRET, keys, quotas, region};

pub type Intercepted = InterceptedService<Channel, WithKey>;

/// Puts a key on each call.
#[derive(Clone)]
pub struct WithKey {
    id: String,
    secret: String,
}

impl tonic::service::Interceptor for WithKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert(KEY_ID_NAME, MetadataValue::try_from(&self.id).unwrap());
        metadata.insert(KEY_SECRET, MetadataValue::try_from(&self.secret).unwrap());
        Ok(request)
    }
}

/// A cluster of one node that remembers what is added, and a leap of the clocks.
pub struct TestCluster(Mutex<Vec<NodeInfo>>, Mutex<Option<TimeLeap>>);

impl ClusterControl for TestCluster {
    fn status(&self) -> ClusterStatus {
        let group = GroupStatus {
            group: GroupId(1),
            leader: Some(NodeId(1)),
            term: Term(3),
            last: LogIndex(10),
            committed: LogIndex(10),
            applied: LogIndex(9),
            replicated: BTreeMap::from([(NodeId(2), LogIndex(7))]),
            voters: vec![NodeId(1), NodeId(2)],
            learners: vec![],
            version: 1,
            lease_left: Some(Duration::from_millis(700)),
        };
        ClusterStatus {
            node: NodeId(1),
            region: region("us-east-1"),
            nodes: self.0.lock().unwrap().clone(),
            last_seen: BTreeMap::from([(NodeId(2), Duration::from_millis(90))]),
            groups: vec![group],
            round_trips: BTreeMap::from([(NodeId(2), Duration::from_micros(81_250))]),
            builds: BTreeMap::from([(NodeId(2), model::version::Build::unsaid())]),
            alarms: vec![],
        }
    }

    fn add_node(&self, node: NodeInfo) -> BoxFuture<'_, Result<(), ClusterError>> {
        self.0.lock().unwrap().push(node);
        Box::pin(async { Ok(()) })
    }

    fn promote_node(&self, node: NodeId) -> BoxFuture<'_, Result<(), ClusterError>> {
        Box::pin(async move { Err(ClusterError::UnknownNode(node)) })
    }

    fn remove_node(&self, _node: NodeId) -> BoxFuture<'_, Result<(), ClusterError>> {
        Box::pin(async { Err(ClusterError::Refused("group 1 would lose its majority".into())) })
    }

    fn transfer_leader(&self, _group: GroupId, _to: NodeId) -> BoxFuture<'_, Result<(), ClusterError>> {
        Box::pin(async { Ok(()) })
    }

    fn time_leap(&self) -> Option<TimeLeap> {
        *self.1.lock().unwrap()
    }

    fn accept_time(&self) -> Result<TimeLeap, ClusterError> {
        self.1.lock().unwrap().take().ok_or(ClusterError::NoLeap)
    }
}

impl TestCluster {
    /// Holds back a leap of the wall clocks.
    pub fn set_leap(&self, leap: TimeLeap) {
        *self.1.lock().unwrap() = Some(leap);
    }
}

/// What is wrong with the cluster.
struct TwoAlarms;

impl Alarms for TwoAlarms {
    fn raised(&self) -> Vec<Alarm> {
        [AlarmName::RegionLost, AlarmName::HeldMessages].map(|name| Alarm::new(name, "eu-west-1", "so it is")).into()
    }
}

struct OneFinding;

impl HealthReports for OneFinding {
    fn report(&self) -> HealthReport {
        let (channel, region) = (model::Channel::Sms, RegionId::new("us-east-1").unwrap());
        let finding = Finding {
            second: 7,
            channel,
            region: region.clone(),
            subject: Subject::Destination(Destination::named("+44")),
            advice: Advice::Shift { hold: 60 },
            evidence: "us-east-1 to +44: send errors 5 of 5".to_owned(),
        };
        let view = ChannelView { channel, region: region.clone(), standing: Standing::Returning(0.05), score: 3.5 };
        HealthReport {
            mode: "act",
            threshold: 10.0,
            views: vec![view],
            recent: vec![finding],
            moved: vec![(channel, region.clone(), Destination::named("+44"))],
            not_followed: BTreeMap::from([((channel, region), "it is frozen".to_owned())]),
        }
    }
}

pub struct Grpc {
    pub node: Node,
    pub cluster: Arc<TestCluster>,
    pub shutdown: CancellationToken,
    pub serving: tokio::task::JoinHandle<()>,
    pub address: std::net::SocketAddr,
    channel: Channel,
}

pub fn node_info(id: u64, name: &str) -> NodeInfo {
    let text = |port: u64| format!("127.0.0.1:{}", port + id);
    let rest_url = format!("http://{}", text(4_100));
    NodeInfo {
        id: NodeId(id),
        region: region(name),
        kind: RegionKind::Serving,
        peer: text(4_400),
        grpc: text(4_200),
        rest_url,
    }
}

impl Grpc {
    pub async fn start() -> Grpc {
        Grpc::with_limits(GrpcLimits::default()).await
    }

    pub async fn with_limits(limits: GrpcLimits) -> Grpc {
        Grpc::with_all(limits, QuotaLimits::default(), None).await
    }

    pub async fn with_quotas(quotas: QuotaLimits) -> Grpc {
        Grpc::with_all(GrpcLimits::default(), quotas, None).await
    }

    pub async fn with_tls(config: Arc<ServerConfig>) -> Grpc {
        Grpc::with_all(GrpcLimits::default(), QuotaLimits::default(), Some(config)).await
    }

    async fn with_all(limits: GrpcLimits, quota_limits: QuotaLimits, tls: Option<Arc<ServerConfig>>) -> Grpc {
        let node = Node::start().await;
        let nodes = vec![node_info(2, "eu-west-1"), node_info(1, "us-east-1")];
        let cluster = Arc::new(TestCluster(Mutex::new(nodes), Mutex::default()));
        let api = GrpcApi::new(GrpcApiParts {
            service: node.service.clone(),
            keys: keys(),
            quotas: quotas(quota_limits),
            cluster: cluster.clone(),
            alarms: Arc::new(TwoAlarms),
            health: Arc::new(OneFinding),
            readiness: Arc::new(|| Ok(())),
            tls,
            limits,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = serve(listener, Arc::new(api), shutdown.clone());
        let serving = tokio::spawn(async move { served.await.unwrap() });
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        Grpc { node, cluster, shutdown, serving, address, channel }
    }

    pub fn plain(&self) -> Channel {
        self.channel.clone()
    }

    pub fn with_key(&self) -> (Channel, WithKey) {
        self.with(KEY_ID, SECRET)
    }

    pub fn with(&self, id: &str, secret: &str) -> (Channel, WithKey) {
        (self.channel.clone(), WithKey { id: id.into(), secret: secret.into() })
    }
}

/// Returns a client of a service that calls with a key.
macro_rules! client {
    ($client:ident, $grpc:expr) => {{
        let (channel, key) = $grpc.with_key();
        $client::with_interceptor(channel, key)
    }};
}
pub(crate) use client;
