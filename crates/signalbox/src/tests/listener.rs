//! A listener for tests: answers what a test needs of the services of the cluster, the plan and the messages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::Iter;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::cluster_server::{Cluster, ClusterServer};
use wire::v1::messages_server::{Messages, MessagesServer};
use wire::v1::traffic_server::{Traffic, TrafficServer};

use crate::connection::{KEY_ID_METADATA, SECRET_METADATA};
use crate::dev;

/// A running listener; it ends with this value.
pub struct FakeListener {
    /// Where it listens.
    pub address: SocketAddr,
    _runtime: Runtime,
}

impl FakeListener {
    /// Starts a listener on a free port.
    pub fn start() -> FakeListener {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder()
            .add_service(ClusterServer::with_interceptor(Answers::default(), check_key))
            .add_service(MessagesServer::with_interceptor(Answers::default(), check_key))
            .add_service(TrafficServer::with_interceptor(Answers::default(), check_key));
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        FakeListener { address, _runtime: runtime }
    }
}

fn check_key(request: Request<()>) -> Result<Request<()>, Status> {
    let is = |name: &str, wanted: &str| request.metadata().get(name).is_some_and(|value| value == wanted);
    if is(KEY_ID_METADATA, dev::KEY_ID) && is(SECRET_METADATA, dev::SECRET) {
        Ok(request)
    } else {
        Err(Status::unauthenticated("the key is not known"))
    }
}

#[derive(Default)]
struct Answers {
    looks: AtomicU64,
}

/// The plan that the listener's changes make.
pub fn plan(state: v1::RegionState) -> v1::TrafficPlan {
    let weights = BTreeMap::from([("eu-west-1".to_owned(), 500), ("us-east-1".to_owned(), 500)]);
    let active = v1::RegionState::Active as i32;
    v1::TrafficPlan {
        epoch: 7,
        parent_epoch: 6,
        mode: v1::Mode::ActiveActive as i32,
        regions: BTreeMap::from([("eu-west-1".to_owned(), active), ("us-east-1".to_owned(), state as i32)]),
        weights: Some(v1::Weights { weights }),
        channel_weights: Vec::new(),
        reason: "carrier outage".to_owned(),
        evidence: BTreeMap::new(),
        author: Some(v1::traffic_plan::Author::Principal("developer".to_owned())),
        time_ms: 1_700_000_000_000,
        ..Default::default()
    }
}

fn adoption(epochs: [u64; 2]) -> Vec<v1::Adoption> {
    epochs.into_iter().zip(1..).map(|(epoch, group)| v1::Adoption { group, epoch }).collect()
}

#[tonic::async_trait]
impl Cluster for Answers {
    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let node = |node_id, newest_version| v1::NodeStatus {
            node: Some(v1::NodeInfo { node_id, ..Default::default() }),
            build: Some(v1::Build { name: "0.2.0".to_owned(), oldest_version: 1, newest_version }),
            ..Default::default()
        };
        // At the first look one node is of the former release.
        let late = self.looks.fetch_add(1, Ordering::SeqCst) == 0;
        let nodes = vec![node(1, 2), node(2, if late { 1 } else { 2 })];
        let groups = vec![v1::GroupStatus { apply_version: 1, ..Default::default() }];
        let of = |region: &str, kind: v1::RegionKind, plan_state: &str, reachable| v1::RegionStatus {
            region: region.to_owned(),
            kind: kind as i32,
            plan_state: plan_state.to_owned(),
            reachable,
        };
        let regions = vec![
            of("eu-west-1", v1::RegionKind::Serving, "active", true),
            of("us-east-1", v1::RegionKind::Serving, "evacuated", false),
            of("eu-central-1", v1::RegionKind::Witness, "", true),
        ];
        let region = "eu-west-1".to_owned();
        Ok(Response::new(v1::StatusResponse { node_id: 2, region, regions, nodes, groups, ..Default::default() }))
    }

    async fn add_node(&self, _: Request<v1::AddNodeRequest>) -> Result<Response<v1::MembershipResponse>, Status> {
        std::future::pending().await
    }

    async fn promote_node(
        &self,
        request: Request<v1::PromoteNodeRequest>,
    ) -> Result<Response<v1::MembershipResponse>, Status> {
        Err(Status::not_found(format!("no node has the number {}", request.into_inner().node_id)))
    }

    async fn remove_node(&self, _: Request<v1::RemoveNodeRequest>) -> Result<Response<v1::MembershipResponse>, Status> {
        Err(Status::unavailable("no leader is known"))
    }

    async fn transfer_leader(
        &self,
        _: Request<v1::TransferLeaderRequest>,
    ) -> Result<Response<v1::TransferLeaderResponse>, Status> {
        Ok(Response::new(v1::TransferLeaderResponse {}))
    }

    async fn accept_time(
        &self,
        request: Request<v1::AcceptTimeRequest>,
    ) -> Result<Response<v1::AcceptTimeResponse>, Status> {
        let accepted = !request.into_inner().dry_run;
        let (time_ms, ahead_ms) = (1_700_000_000_000, 90_000_000);
        Ok(Response::new(v1::AcceptTimeResponse { time_ms, clocks_ms: 1_700_090_000_000, ahead_ms, accepted }))
    }

    async fn raise_version(
        &self,
        request: Request<v1::RaiseVersionRequest>,
    ) -> Result<Response<v1::RaiseVersionResponse>, Status> {
        let v1::RaiseVersionRequest { version, dry_run } = request.into_inner();
        let build = v1::Build { name: "0.2.0".to_owned(), oldest_version: 1, newest_version: 2 };
        let node = v1::NodeBuild { node_id: 1, region: "us-east-1".to_owned(), build: Some(build) };
        let to_version = version.unwrap_or(2);
        Ok(Response::new(v1::RaiseVersionResponse { from_version: 1, to_version, nodes: vec![node], raised: !dry_run }))
    }
}

#[tonic::async_trait]
impl Traffic for Answers {
    /// At the first look one partition is late.
    async fn get_plan(&self, _: Request<v1::GetPlanRequest>) -> Result<Response<v1::GetPlanResponse>, Status> {
        let late = self.looks.fetch_add(1, Ordering::SeqCst) == 0;
        let adoption = adoption(if late { [7, 6] } else { [7, 7] });
        Ok(Response::new(v1::GetPlanResponse { plan: Some(plan(v1::RegionState::Evacuated)), adoption }))
    }

    /// Plan 7, and for who asks for no later one than 6 that one alone.
    async fn history(&self, request: Request<v1::HistoryRequest>) -> Result<Response<v1::HistoryResponse>, Status> {
        let before = v1::TrafficPlan { epoch: 6, ..plan(v1::RegionState::Active) };
        let plans = match request.into_inner().before_epoch {
            Some(..=7) => vec![before],
            _ => vec![plan(v1::RegionState::Evacuated), before],
        };
        Ok(Response::new(v1::HistoryResponse { plans, next_before_epoch: None }))
    }

    async fn health(&self, _: Request<v1::HealthRequest>) -> Result<Response<v1::HealthResponse>, Status> {
        let (channel, region) = (v1::Channel::Sms as i32, "us-east-1".to_owned());
        let of = |region: &str, share_per_mille, score, not_followed: &str| v1::ChannelHealth {
            channel,
            region: region.to_owned(),
            share_per_mille,
            score,
            not_followed: not_followed.to_owned(),
            moved_destinations: Vec::new(),
        };
        let finding = v1::HealthFinding {
            time_ms: 1_000,
            channel,
            region,
            destination: "+44".to_owned(),
            advice: v1::HealthAdvice::Hold as i32,
            evidence: "send errors 5 of 5".to_owned(),
        };
        Ok(Response::new(v1::HealthResponse {
            mode: "act".to_owned(),
            threshold: 10.0,
            channels: vec![of("us-east-1", 50, 0.0, ""), of("eu-west-1", 1_000, 12.25, "eu-west-1 is frozen")],
            findings: vec![finding],
        }))
    }

    async fn shift(&self, _: Request<v1::ShiftRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        Err(Status::aborted("the plan is 8 by now"))
    }

    async fn evacuate(
        &self,
        request: Request<v1::EvacuateRequest>,
    ) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let dry_run = request.into_inner().options.unwrap_or_default().dry_run;
        Ok(Response::new(v1::PlanChangeResponse {
            plan: Some(plan(v1::RegionState::Evacuated)),
            description: vec!["us-east-1: active -> evacuated".to_owned()],
            committed: !dry_run,
            adoption: adoption([6, 6]),
        }))
    }

    async fn restore(&self, _: Request<v1::RestoreRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        Err(Status::failed_precondition("this breaks the rule \"last_regions\""))
    }

    async fn failover(&self, _: Request<v1::FailoverRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn shift_part(&self, _: Request<v1::ShiftPartRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn freeze(&self, _: Request<v1::FreezeRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn unfreeze(&self, _: Request<v1::UnfreezeRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn failback(&self, _: Request<v1::FailbackRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// Messages take the name of their address: `+1` is delivered, `+2` fails, `+3` opted out before it was accepted.
#[tonic::async_trait]
impl Messages for Answers {
    type WatchStream = Iter<std::vec::IntoIter<Result<v1::WatchResponse, Status>>>;

    async fn send(
        &self,
        request: Request<v1::SendMessagesRequest>,
    ) -> Result<Response<v1::SendMessagesResponse>, Status> {
        let results = request.into_inner().recipients.into_iter().map(|recipient| {
            let Some(v1::recipient::To::Address(address)) = recipient.to else { return v1::SendResult::default() };
            let (status, message_id) = match address.as_str() {
                "+3" => (v1::SendStatus::OptedOut, String::new()),
                _ => (v1::SendStatus::Accepted, address.clone()),
            };
            v1::SendResult { status: status as i32, message_id, detail: String::new(), address }
        });
        Ok(Response::new(v1::SendMessagesResponse { request_id: "r".to_owned(), results: results.collect() }))
    }

    async fn get(&self, _: Request<v1::GetMessageRequest>) -> Result<Response<v1::GetMessageResponse>, Status> {
        Ok(Response::new(v1::GetMessageResponse::default()))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let statuses = match request.into_inner().what {
            Some(v1::watch_request::What::MessageId(id)) if id == "+1" => {
                vec![v1::Status::Waiting, v1::Status::Delivered]
            }
            Some(v1::watch_request::What::MessageId(id)) if id == "+2" => vec![v1::Status::Failed],
            _ => vec![v1::Status::Waiting],
        };
        let news = statuses.into_iter().map(|status| {
            let progress = v1::Progress { status: status as i32, ..Default::default() };
            Ok(v1::WatchResponse { update: Some(v1::watch_response::Update::Progress(progress)) })
        });
        Ok(Response::new(tokio_stream::iter(news.collect::<Vec<_>>())))
    }

    async fn list_held(&self, _: Request<v1::ListHeldRequest>) -> Result<Response<v1::ListHeldResponse>, Status> {
        Ok(Response::new(v1::ListHeldResponse::default()))
    }

    async fn resolve_held(
        &self,
        request: Request<v1::ResolveHeldRequest>,
    ) -> Result<Response<v1::ResolveHeldResponse>, Status> {
        let named = request.into_inner().message_ids.len();
        Ok(Response::new(v1::ResolveHeldResponse { changed: u32::try_from(named).unwrap() }))
    }
}
