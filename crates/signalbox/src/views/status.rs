//! The cluster and its nodes.

use serde::Serialize;
use wire::v1;

use super::health::HealthView;
use super::or_dash;
use super::plan::PlanView;
use super::version::BuildView;
use crate::console::{View, table};
use crate::words;

/// How the cluster stands, as one node sees it.
#[derive(Debug, Serialize)]
pub struct StatusView {
    node_id: u64,
    region: String,
    epoch: u64,
    alarms: Vec<AlarmView>,
    regions: Vec<RegionView>,
    nodes: Vec<NodeStatusView>,
    groups: Vec<GroupView>,
}

#[derive(Debug, Serialize)]
struct AlarmView {
    severity: String,
    name: String,
    subject: String,
    text: String,
    remedy: String,
}

#[derive(Debug, Serialize)]
struct RegionView {
    region: String,
    kind: String,
    plan_state: Option<String>,
    reachable: bool,
    /// Its share of everything, and of the channels with weights of their own; null when the plan wasn't told.
    share: Option<String>,
    /// How it sends, in a few words; null when that wasn't told, or it sent nothing.
    sending: Option<String>,
}

/// A node of the cluster.
#[derive(Debug, Serialize)]
pub struct NodeView {
    node_id: u64,
    region: String,
    kind: String,
    peer_address: String,
    grpc_address: String,
    rest_url: Option<String>,
}

/// The nodes of the cluster.
#[derive(Debug, Serialize)]
pub struct NodesView {
    nodes: Vec<NodeView>,
}

#[derive(Debug, Serialize)]
struct NodeStatusView {
    #[serde(flatten)]
    node: NodeView,
    last_seen_ms_ago: Option<u64>,
    round_trip_us: Option<u64>,
    #[serde(flatten)]
    build: Option<BuildView>,
}

#[derive(Debug, Serialize)]
struct GroupView {
    group: u32,
    leader_node_id: Option<u64>,
    term: u64,
    last_index: u64,
    committed_index: u64,
    applied_index: u64,
    lease_remaining_ms: Option<u64>,
    apply_version: u32,
    replicas: Vec<ReplicaView>,
}

#[derive(Debug, Serialize)]
struct ReplicaView {
    node_id: u64,
    voter: bool,
    matching_index: Option<u64>,
    lag_entries: u64,
}

impl From<v1::StatusResponse> for StatusView {
    fn from(response: v1::StatusResponse) -> StatusView {
        let region = |region: v1::RegionStatus| RegionView {
            region: region.region,
            kind: words::region_kind(region.kind),
            plan_state: Some(region.plan_state).filter(|state| !state.is_empty()),
            reachable: region.reachable,
            share: None,
            sending: None,
        };
        let node = |status: v1::NodeStatus| NodeStatusView {
            node: status.node.unwrap_or_default().into(),
            last_seen_ms_ago: status.last_seen_ms_ago,
            round_trip_us: status.round_trip_us,
            build: status.build.map(BuildView::from),
        };
        let mut alarms = response.alarms;
        // A severity that this program doesn't know comes first.
        alarms.sort_by_key(|alarm| alarm.severity);
        let alarm = |alarm: v1::Alarm| AlarmView {
            severity: words::alarm_severity(alarm.severity),
            name: alarm.name,
            subject: alarm.subject,
            text: alarm.text,
            remedy: alarm.remedy,
        };
        StatusView {
            node_id: response.node_id,
            region: response.region,
            epoch: response.epoch,
            alarms: alarms.into_iter().map(alarm).collect(),
            regions: response.regions.into_iter().map(region).collect(),
            nodes: response.nodes.into_iter().map(node).collect(),
            groups: response.groups.into_iter().map(GroupView::from).collect(),
        }
    }
}

impl StatusView {
    /// Adds what each region gets by the plan, and how it sends, as far as that was told.
    pub fn with_traffic(mut self, plan: Option<v1::TrafficPlan>, health: Option<v1::HealthResponse>) -> StatusView {
        let (plan, health) = (plan.map(PlanView::from), health.map(HealthView::from));
        for region in self.regions.iter_mut().filter(|region| region.plan_state.is_some()) {
            region.share = plan.as_ref().map(|plan| plan.shares(&region.region));
            region.sending = health.as_ref().and_then(|health| health.sending(&region.region));
        }
        self
    }
}

impl From<v1::NodeInfo> for NodeView {
    fn from(node: v1::NodeInfo) -> NodeView {
        NodeView {
            node_id: node.node_id,
            region: node.region,
            kind: words::region_kind(node.kind),
            peer_address: node.peer_address,
            grpc_address: node.grpc_address,
            rest_url: Some(node.rest_url).filter(|url| !url.is_empty()),
        }
    }
}

impl From<v1::GroupStatus> for GroupView {
    fn from(group: v1::GroupStatus) -> GroupView {
        let replica = |replica: v1::ReplicaStatus| ReplicaView {
            node_id: replica.node_id,
            voter: replica.voter,
            matching_index: replica.matching_index,
            lag_entries: replica.lag_entries,
        };
        GroupView {
            group: group.group,
            leader_node_id: group.leader_node_id,
            term: group.term,
            last_index: group.last_index,
            committed_index: group.committed_index,
            applied_index: group.applied_index,
            lease_remaining_ms: group.lease_remaining_ms,
            apply_version: group.apply_version,
            replicas: group.replicas.into_iter().map(replica).collect(),
        }
    }
}

impl From<v1::MembershipResponse> for NodesView {
    fn from(response: v1::MembershipResponse) -> NodesView {
        NodesView { nodes: response.nodes.into_iter().map(NodeView::from).collect() }
    }
}

impl View for StatusView {
    fn text(&self) -> String {
        let mut parts = vec![format!("seen by node {} in {}; plan {}", self.node_id, self.region, self.epoch)];
        parts.extend(self.alarms.iter().map(|alarm| {
            let AlarmView { severity, name, subject, text, remedy } = alarm;
            format!("ALARM {severity} {name} ({subject}): {text}\n  to do: {remedy}")
        }));
        parts.extend(self.upgrade());
        let region = |region: &RegionView| {
            let reachable = if region.reachable { "reachable" } else { "NOT REACHABLE" }.to_owned();
            let [state, share, sending] = [&region.plan_state, &region.share, &region.sending];
            let [state, share, sending] = [state, share, sending].map(|cell| or_dash(cell.as_ref()));
            [region.region.clone(), region.kind.clone(), reachable, state, share, sending]
        };
        parts.push(String::new());
        parts.push(table(["REGION", "KIND", "REACHABLE", "PLAN", "SHARE", "SENDS"], self.regions.iter().map(region)));
        let node = |status: &NodeStatusView| {
            let last_seen = match status.last_seen_ms_ago {
                _ if status.node.node_id == self.node_id => "itself".to_owned(),
                Some(ms) => format!("{ms} ms ago"),
                None => "never".to_owned(),
            };
            let round_trip = status.round_trip_us.map(|us| format!("{}.{} ms", us / 1_000, us % 1_000 / 100));
            let [id, region, _, rest, grpc, peer] = status.node.row();
            let build = or_dash(status.build.as_ref().map(BuildView::text));
            [id, region, last_seen, or_dash(round_trip), build, rest, grpc, peer]
        };
        parts.push(String::new());
        let headings =
            ["NODE", "REGION", "LAST SEEN", "ROUND TRIP", "BUILD (VERSIONS)", "REST", "GRPC", "NODE TO NODE"];
        parts.push(table(headings, self.nodes.iter().map(node)));
        parts.push(String::new());
        let headings = ["GROUP", "LEADER", "TERM", "LAST", "COMMITTED", "APPLIED", "LEASE", "VERSION", "REPLICAS"];
        parts.push(table(headings, self.groups.iter().map(GroupView::row)));
        parts.join("\n")
    }
}

impl StatusView {
    /// Says what an upgrade lacks that is not at its end: nodes of other builds, or a version that all know and none of
    /// the groups is at yet.
    fn upgrade(&self) -> Option<String> {
        let builds: Vec<&BuildView> = self.nodes.iter().filter_map(|node| node.build.as_ref()).collect();
        let newest = builds.iter().map(|build| build.newest());
        let (least, most) = (newest.clone().min()?, newest.max()?);
        let at = self.groups.iter().map(|group| group.apply_version).min()?;
        if least != most {
            return Some(format!("nodes know different apply versions, {least} and {most}: an upgrade is under way"));
        }
        let all_known = builds.len() == self.nodes.len();
        (all_known && at < least).then(|| {
            format!("every node knows apply version {least}, groups are at {at}: see `signalbox cluster raise-version`")
        })
    }
}

impl View for NodesView {
    fn text(&self) -> String {
        let headings = ["NODE", "REGION", "KIND", "REST", "GRPC", "NODE TO NODE"];
        table(headings, self.nodes.iter().map(NodeView::row))
    }
}

impl NodeView {
    fn row(&self) -> [String; 6] {
        [
            self.node_id.to_string(),
            self.region.clone(),
            self.kind.clone(),
            or_dash(self.rest_url.as_ref()),
            self.grpc_address.clone(),
            self.peer_address.clone(),
        ]
    }
}

impl GroupView {
    fn row(&self) -> [String; 9] {
        let name = if self.group == 0 { "control".to_owned() } else { self.group.to_string() };
        let replica = |replica: &ReplicaView| {
            let role = if replica.voter { "" } else { " (learner)" };
            let lag = if replica.lag_entries == 0 { String::new() } else { format!(" -{}", replica.lag_entries) };
            format!("{}{role}{lag}", replica.node_id)
        };
        [
            name,
            self.leader_node_id.map_or_else(|| "NONE".to_owned(), |id| id.to_string()),
            self.term.to_string(),
            self.last_index.to_string(),
            self.committed_index.to_string(),
            self.applied_index.to_string(),
            self.lease_remaining_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
            self.apply_version.to_string(),
            if self.replicas.is_empty() {
                "-".to_owned()
            } else {
                self.replicas.iter().map(replica).collect::<Vec<_>>().join(", ")
            },
        ]
    }
}
