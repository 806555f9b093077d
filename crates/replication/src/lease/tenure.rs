//! Watches whether this node leads a group: begins and ends tenures (R6), and passes on the evidence that it still
//! leads (R1).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::{NodeInfo, RegionKind, placement};
use model::id::{LogIndex, NodeId, RegionId, Term};
use model::time::BootTime;
use openraft::async_runtime::WatchReceiver as _;
use traffic::lease::{Host, Tenure};

use crate::lease::group_lease::granting::{Leadership, Members};
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::type_config::LeaderId;

/// The least time between two looks at a group under load.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks at a group whenever something changed, until the group stops.
pub(crate) async fn watch(node: Arc<Node>, group: Arc<Group>) {
    let mut data = group.raft.data_metrics();
    let mut server = group.raft.server_metrics();
    loop {
        observe(&node, &group);
        let alive = tokio::select! {
            changed = data.changed() => changed.is_ok(),
            changed = server.changed() => changed.is_ok(),
        };
        if !alive {
            group.lease.end_tenure();
            node.report_stopped(&group);
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Brings the lease up to date with what openraft knows now. Also done before each answer to a holder, so that a
/// request is judged by evidence from after its arrival.
pub(crate) fn observe(node: &Node, group: &Group) {
    let Some(leader) = group.leading() else {
        group.lease.end_tenure();
        let led = *group.leadership.borrow();
        if let Some(led) = led {
            tracing::info!(group = group.id.0, term = led.term, "lost leadership");
        }
        group.announce_leadership(None);
        return;
    };
    if !group.lease.knows(&leader) {
        let log_end = LogIndex(group.last_log_id().map_or(0, |last| last.index)).max(group.committed());
        let tenure = Tenure { term: Term(leader.term), began: node.now(), log_end };
        tracing::info!(group = group.id.0, term = leader.term, log_end = log_end.0, "became leader");
        metrics::counter!("signalbox_tenures_total").increment(1);
        group.lease.begin_tenure(Leadership { leader, tenure, members: members(node, group) });
    }
    if group.membership_moved() {
        group.lease.host(members(node, group));
    }
    evidence(node, group, leader);
    group.announce_leadership(Some(leader));
}

fn evidence(node: &Node, group: &Group, leader: LeaderId) {
    if let Some(sent) = followed(node, group, &leader) {
        group.lease.quorum_acked(&leader, node.now(), sent);
    }
}

/// Returns when the last heartbeat of this leadership was sent that a quorum answered.
pub(crate) fn followed(node: &Node, group: &Group, leader: &LeaderId) -> Option<BootTime> {
    let own = (node.id, node.now());
    group.lease.quorum_followed(leader, own, group.membership().get_joint_config())
}

/// Lists the voters in serving regions, and says which of them may hold the lease (R14): of each region one, a voter by
/// every configuration of the membership, the one that the group is placed on where there is a choice. Learners hold
/// nothing.
fn members(node: &Node, group: &Group) -> Members {
    let stored = group.stored_membership();
    let membership = stored.membership();
    let placed = placement(&node.peers.nodes(), group.id);
    let voters = membership.voter_ids().filter_map(|id| Some((NodeId(id), &membership.get_node(&id)?.0)));
    let serving: BTreeMap<NodeId, &NodeInfo> = voters.filter(|(_, info)| info.kind == RegionKind::Serving).collect();
    let in_all = |id: NodeId| membership.get_joint_config().iter().all(|config| config.contains(&id.0));
    let mut holders: BTreeMap<&RegionId, NodeId> = BTreeMap::new();
    for (id, info) in serving.iter().filter(|(id, _)| in_all(**id)) {
        let holder = holders.entry(&info.region).or_insert(*id);
        if placed.get(&info.region) == Some(id) {
            *holder = *id;
        }
    }
    let host =
        |id, info: &NodeInfo| Host { region: info.region.clone(), holds: holders.get(&info.region) == Some(&id) };
    let hosts = serving.iter().map(|(id, info)| (*id, host(*id, info))).collect();
    Members { hosts, committed: group.has_committed(&stored) }
}
