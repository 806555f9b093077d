//! The links between openraft and the lease (docs/lease.md, "Why this suffices"): each test says what a link does, and
//! that it would be seen if it didn't.

use std::time::Duration;

use model::id::NodeId;
use replication::LeaseBreak;
use service::ports::{ClusterControl as _, SendPermits as _};
use tokio::time::{Instant, sleep};
use traffic::LeaseTiming;
use wire::peer::group_grant::Decision;
use wire::peer::peer_client::PeerClient;
use wire::peer::{self, GroupReport, Vote, VoteRequest};

use crate::support::said::Said;
use crate::support::{Cluster, GROUP, eventually};

/// How often a voter is asked.
const ASK: Duration = Duration::from_millis(5);

async fn start(broken: Option<LeaseBreak>) -> Cluster {
    let mut cluster = Cluster::stopped(3).await;
    cluster.lease_break = broken;
    for id in cluster.ids() {
        cluster.run(id, true).await;
    }
    let holding = || cluster.ids().into_iter().filter(|id| cluster.node(*id).enter(GROUP).is_ok()).count();
    eventually("all nodes to hold the lease", || async { (holding() == 3).then_some(()) }).await;
    cluster
}

fn term(cluster: &Cluster, leader: NodeId) -> u64 {
    cluster.node(leader).leads(GROUP).unwrap().0
}

fn vote_hold_off() -> Duration {
    LeaseTiming::for_round_trip(Duration::from_millis(5)).unwrap().vote_hold_off()
}

/// Asks a node for its vote, in the name of a candidate whose log is longer than any.
async fn votes(cluster: &Cluster, voter: NodeId, candidate: NodeId, term: u64) -> bool {
    let vote = Some(Vote { term, node: candidate.0, committed: false });
    let last = Some(peer::LogId { term: 1_000, node: candidate.0, index: 1_000_000 });
    let ask = VoteRequest { group: u32::from(GROUP.0), vote, last };
    let reply =
        PeerClient::new(cluster.calls(candidate, voter)).vote(Said::of(cluster, candidate, voter).on(ask)).await;
    reply.is_ok_and(|reply| reply.into_inner().granted)
}

/// Asks a leader for the lease, in the name of a holder.
async fn grants(cluster: &Cluster, leader: NodeId, holder: NodeId) -> bool {
    let report = GroupReport { group: u32::from(GROUP.0), ..Default::default() };
    let region = cluster.region(holder).to_string();
    let ask = peer::LeaseRequest { node: holder.0, incarnation: 1, region, groups: vec![report], ..Default::default() };
    let reply = PeerClient::new(cluster.calls(holder, leader)).lease(Said::of(cluster, holder, leader).on(ask)).await;
    let groups = reply.unwrap().into_inner().groups;
    groups.into_iter().any(|group| matches!(group.decision, Some(Decision::Grant(_))))
}

#[tokio::test(start_paused = true)]
async fn a_node_that_starts_votes_for_nobody_at_first() {
    // While a node lives openraft refuses as well; at its start it has forgotten whom it heard.
    for broken in [None, Some(LeaseBreak::VotesAtStart), Some(LeaseBreak::GrantedVotes)] {
        let mut cluster = start(broken).await;
        let leader = cluster.leader(GROUP).await;
        let followers = cluster.followers(GROUP).await;
        let (voter, candidate) = (followers[0], followers[1]);
        let next = term(&cluster, leader) + 1;
        cluster.kill(voter).await;
        // It may have answered the leader just before, and doesn't hear it now.
        cluster.links.cut(leader, voter);
        cluster.run(voter, false).await;
        let began = Instant::now();
        let mut voted = false;
        while !voted && began.elapsed() < vote_hold_off() - 2 * ASK {
            sleep(ASK).await;
            voted = votes(&cluster, voter, candidate, next).await;
        }
        assert_eq!(voted, broken.is_some(), "{broken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_granted_while_leadership_is_transferred() {
    for broken in [None, Some(LeaseBreak::GrantsInTransfer)] {
        let cluster = start(broken).await;
        let leader = cluster.leader(GROUP).await;
        let followers = cluster.followers(GROUP).await;
        let (heir, holder) = (followers[0], followers[1]);
        assert!(grants(&cluster, leader, holder).await, "before the transfer");
        // The heir doesn't hear of it, so that the transfer lasts.
        cluster.links.cut(leader, heir);
        let asked = async {
            sleep(ASK).await;
            grants(&cluster, leader, holder).await
        };
        let (_, granted) = futures::join!(cluster.node(leader).transfer_leader(GROUP, heir), asked);
        assert_eq!(granted, broken.is_some(), "{broken:?}");
    }
}
