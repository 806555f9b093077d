//! The cluster's status and membership.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::TrafficPlan;
use model::alarm::{Alarm, Severity};
use model::cluster::{NodeInfo, RegionKind};
use model::id::{GroupId, NodeId, RegionId};
use model::version::Build;
use policy::Action;
use service::ErrorCode;
use service::ports::{ClusterError, ClusterStatus, GroupStatus};
use tonic::{Request, Response, Status};
use wire::v1;

use super::error::GrpcError;
use super::state::GrpcApi;

/// A region that wasn't seen for this long counts as out of reach in the status; failovers have rules of their
/// own.
const LAST_SEEN_MAX: Duration = Duration::from_secs(2);

pub(super) struct ClusterService(pub(super) Arc<GrpcApi>);

#[tonic::async_trait]
impl v1::cluster_server::Cluster for ClusterService {
    async fn status(&self, request: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetClusterStatus)?;
        let plan = match self.0.service.plan().await {
            Ok(plan) => Some(plan),
            Err(error) if error.code == ErrorCode::NotFound => None,
            Err(error) => return Err(GrpcError::from(error).into()),
        };
        let alarms = self.0.alarms.raised();
        Ok(Response::new(status(self.0.cluster.status(), plan.as_ref(), alarms)))
    }

    async fn add_node(&self, request: Request<v1::AddNodeRequest>) -> Result<Response<v1::MembershipResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ChangeMembers)?;
        let node = request.into_inner().node.ok_or_else(|| GrpcError::invalid("node", "is required"))?;
        let node = NodeInfo::try_from(node).map_err(|flaw| GrpcError::from(flaw.within("node")))?;
        self.0.cluster.add_node(node).await.map_err(GrpcError::from)?;
        Ok(self.members())
    }

    async fn promote_node(
        &self,
        request: Request<v1::PromoteNodeRequest>,
    ) -> Result<Response<v1::MembershipResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ChangeMembers)?;
        self.0.cluster.promote_node(NodeId(request.get_ref().node_id)).await.map_err(GrpcError::from)?;
        Ok(self.members())
    }

    async fn remove_node(
        &self,
        request: Request<v1::RemoveNodeRequest>,
    ) -> Result<Response<v1::MembershipResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ChangeMembers)?;
        self.0.cluster.remove_node(NodeId(request.get_ref().node_id)).await.map_err(GrpcError::from)?;
        Ok(self.members())
    }

    async fn transfer_leader(
        &self,
        request: Request<v1::TransferLeaderRequest>,
    ) -> Result<Response<v1::TransferLeaderResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ChangeMembers)?;
        let request = request.into_inner();
        let group = u16::try_from(request.group).map_err(|_| GrpcError::invalid("group", "must be at most 65535"))?;
        let to = NodeId(request.to_node_id);
        self.0.cluster.transfer_leader(GroupId(group), to).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::TransferLeaderResponse {}))
    }

    async fn accept_time(
        &self,
        request: Request<v1::AcceptTimeRequest>,
    ) -> Result<Response<v1::AcceptTimeResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ChangeMembers)?;
        let cluster = &self.0.cluster;
        let dry_run = request.get_ref().dry_run;
        let leap = match dry_run {
            true => cluster.time_leap().ok_or(ClusterError::NoLeap),
            false => cluster.accept_time(),
        };
        let leap = leap.map_err(GrpcError::from)?;
        let (time_ms, clocks_ms) = (leap.time.0, leap.clocks.0);
        Ok(Response::new(v1::AcceptTimeResponse { time_ms, clocks_ms, ahead_ms: leap.ahead_ms, accepted: !dry_run }))
    }

    async fn raise_version(
        &self,
        request: Request<v1::RaiseVersionRequest>,
    ) -> Result<Response<v1::RaiseVersionResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ChangeMembers)?;
        let v1::RaiseVersionRequest { version, dry_run } = request.into_inner();
        if version == Some(0) {
            return Err(GrpcError::invalid("version", "must be at least 1").into());
        }
        let raise = match dry_run {
            true => self.0.service.try_raise_version(version).await,
            false => self.0.service.raise_version(version).await,
        };
        let raise = raise.map_err(GrpcError::from)?;
        let node = |(node, region, program): (NodeId, RegionId, Build)| v1::NodeBuild {
            node_id: node.0,
            region: region.to_string(),
            build: Some(build(program)),
        };
        Ok(Response::new(v1::RaiseVersionResponse {
            from_version: raise.from,
            to_version: raise.to,
            nodes: raise.builds.into_iter().map(node).collect(),
            raised: !dry_run,
        }))
    }
}

impl ClusterService {
    fn members(&self) -> Response<v1::MembershipResponse> {
        let mut nodes = self.0.cluster.status().nodes;
        nodes.sort_by_key(|node| node.id);
        Response::new(v1::MembershipResponse { nodes: nodes.into_iter().map(v1::NodeInfo::from).collect() })
    }
}

fn build(build: Build) -> v1::Build {
    let Build { name, versions } = build;
    v1::Build { name, oldest_version: versions.oldest(), newest_version: versions.newest() }
}

fn status(mut status: ClusterStatus, plan: Option<&TrafficPlan>, alarms: Vec<Alarm>) -> v1::StatusResponse {
    status.nodes.sort_by_key(|node| node.id);
    let regions = regions(&status, plan);
    v1::StatusResponse {
        node_id: status.node.0,
        region: status.region.to_string(),
        epoch: plan.map_or(0, |plan| plan.epoch.0),
        nodes: status
            .nodes
            .into_iter()
            .map(|node| v1::NodeStatus {
                last_seen_ms_ago: status.last_seen.get(&node.id).map(milliseconds),
                build: status.builds.get(&node.id).cloned().map(build),
                round_trip_us: status.round_trips.get(&node.id).map(microseconds),
                node: Some(node.into()),
            })
            .collect(),
        regions,
        groups: status.groups.into_iter().map(group).collect(),
        alarms: alarms.into_iter().map(alarm).collect(),
    }
}

fn regions(status: &ClusterStatus, plan: Option<&TrafficPlan>) -> Vec<v1::RegionStatus> {
    let mut regions: BTreeMap<&RegionId, v1::RegionStatus> = BTreeMap::new();
    for node in &status.nodes {
        let here = node.id == status.node;
        let last_seen = here || status.last_seen.get(&node.id).is_some_and(|ago| *ago <= LAST_SEEN_MAX);
        let region = regions.entry(&node.region).or_insert_with(|| v1::RegionStatus {
            region: node.region.to_string(),
            kind: v1::NodeInfo::from(node.clone()).kind,
            plan_state: plan_state(node, plan),
            reachable: false,
        });
        region.reachable |= last_seen;
    }
    regions.into_values().collect()
}

fn plan_state(node: &NodeInfo, plan: Option<&TrafficPlan>) -> String {
    match (node.kind, plan) {
        (RegionKind::Serving, Some(plan)) => plan.state_of(&node.region).to_string(),
        _ => String::new(),
    }
}

fn group(status: GroupStatus) -> v1::GroupStatus {
    let replica = |node: &NodeId, voter: bool| {
        let matching = status.replicated.get(node).copied();
        v1::ReplicaStatus {
            node_id: node.0,
            voter,
            matching_index: matching.map(|index| index.0),
            lag_entries: matching.map_or(0, |index| status.last.0.saturating_sub(index.0)),
        }
    };
    let voters = status.voters.iter().map(|node| replica(node, true));
    v1::GroupStatus {
        group: u32::from(status.group.0),
        leader_node_id: status.leader.map(|leader| leader.0),
        term: status.term.0,
        last_index: status.last.0,
        committed_index: status.committed.0,
        applied_index: status.applied.0,
        replicas: voters.chain(status.learners.iter().map(|node| replica(node, false))).collect(),
        lease_remaining_ms: status.lease_left.as_ref().map(milliseconds),
        apply_version: status.version,
    }
}

fn alarm(alarm: Alarm) -> v1::Alarm {
    let severity = match alarm.name.severity() {
        Severity::Critical => v1::AlarmSeverity::Critical,
        Severity::Warning => v1::AlarmSeverity::Warning,
    };
    v1::Alarm {
        name: alarm.name.to_string(),
        severity: severity as i32,
        subject: alarm.subject,
        text: alarm.text,
        remedy: alarm.name.remedy().to_owned(),
    }
}

fn microseconds(time: &Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(time: &Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
