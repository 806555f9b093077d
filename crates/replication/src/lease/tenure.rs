//! Watches whether this node leads a group: begins and ends tenures (R6), and passes on the evidence that it still
//! leads (R1).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::RegionKind;
use model::id::{LogIndex, NodeId, RegionId, Term};
use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver as _;
use traffic::lease::Tenure;

use crate::lease::group_lease::Leadership;
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
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Brings the lease up to date with what openraft knows now. Also done before each answer to a holder, so that a
/// request is judged by evidence from after its arrival.
pub(crate) fn observe(node: &Node, group: &Group) {
    node.bridge.read(&*node.clock);
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
        group.lease.begin_tenure(Leadership { leader, tenure, hosts: hosts(group) });
    }
    if group.membership_moved() {
        group.lease.host(hosts(group));
    }
    evidence(node, group, leader);
    group.announce_leadership(Some(leader));
}

fn evidence(node: &Node, group: &Group, leader: LeaderId) {
    if group.is_only_voter() {
        let now = node.now();
        group.lease.quorum_acked(&leader, now, now);
        return;
    }
    let acked = group.raft.data_metrics().borrow_watched().last_quorum_acked;
    // Read before the age is, so that the moment comes out earlier than it was, if at all.
    let now = tokio::time::Instant::now();
    let moment = acked.and_then(|acked| now.checked_sub(acked.elapsed()));
    if let Some(sent) = moment.and_then(|moment| node.bridge.translate(moment)) {
        group.lease.quorum_acked(&leader, node.now(), sent);
    }
}

/// Lists the members in serving regions, voters and learners.
fn hosts(group: &Group) -> BTreeMap<NodeId, RegionId> {
    let membership = group.membership();
    let serving = membership.nodes().filter(|(_, member)| member.0.kind == RegionKind::Serving);
    serving.map(|(id, member)| (NodeId(*id), member.0.region.clone())).collect()
}
