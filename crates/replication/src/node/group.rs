//! One group as this node hosts it: its Raft with everything around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::id::{GroupId, LogIndex, NodeId, Term};
use openraft::ServerState;
use openraft::async_runtime::WatchReceiver as _;
use tokio::sync::{Semaphore, watch};

use crate::lease::contact::ContactWatch;
use crate::lease::group_lease::GroupLease;
use crate::members::left::LeftOut;
use crate::members::part::{Part, Rejoin};
use crate::node::effects::Announcer;
use crate::node::version::GroupVersion;
use crate::proposals::leader_hint::Leader;
use crate::proposals::own::OwnProposals;
use crate::raft::codec;
use crate::raft::hashes::{Hashes, Verdict};
use crate::raft::raft_log::GroupLog;
use crate::raft::state_machine::Raft;
use crate::raft::type_config::{LeaderId, LogId, Membership, StoredMembership, Vote};
use crate::time::group::GroupTime;

/// A group of which this node is a member, or may become one.
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) node: NodeId,
    /// Whether the configured nodes place the group on this one.
    pub(crate) placed: bool,
    pub(crate) raft: Raft,
    pub(crate) log: GroupLog,
    pub(crate) lease: Arc<GroupLease>,
    pub(crate) contact: ContactWatch,
    pub(crate) time: Arc<GroupTime>,
    pub(crate) version: Arc<GroupVersion>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) own: Arc<OwnProposals>,
    pub(crate) hashes: Arc<Hashes>,
    /// Whether this node takes part, after a loss of its disk.
    pub(crate) rejoin: Rejoin,
    /// Whether this node may stand for election, as far as its start goes.
    pub(crate) joined: AtomicBool,
    /// Whether the replica was as current as the group once since this node's start: before that it may miss what was
    /// acknowledged while the node was away, and answers nothing.
    pub(crate) caught_up: AtomicBool,
    /// What others told of memberships without this node.
    pub(crate) left_out: Arc<LeftOut>,
    /// One snapshot is received at a time.
    pub(crate) receiving: Semaphore,
    /// This node's leadership, for its duties.
    pub(crate) leadership: watch::Sender<Option<LeaderId>>,
    /// The membership that the granter knows: its index, and in the lowest bit whether it was committed.
    pub(crate) known_membership: AtomicU64,
    /// One membership change or transfer of leadership at a time.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

/// What openraft publishes is read under a lock that its core waits for, and while the core waits nobody else gets it:
/// each method copies what it needs and lets go. Never call one of them while a value is borrowed.
impl Group {
    /// Says whether this node is a member, by the membership that it knows; by its placement while it knows none. What
    /// others told of a newer one without it is believed.
    pub(crate) fn is_member(&self) -> bool {
        let metrics = self.raft.server_metrics();
        let membership = &metrics.borrow_watched().membership_config;
        let unknown = membership.nodes().next().is_none();
        let named = membership.get_node(&self.node.0).is_some() && !self.left_out.since(membership.log_id().as_ref());
        named || (unknown && self.placed)
    }

    /// Says whether the replica was as current as the group once since this node's start.
    pub(crate) fn has_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// Says whether others told of a newer membership without this node.
    pub(crate) fn is_left_out(&self) -> bool {
        let metrics = self.raft.server_metrics();
        self.left_out.since(metrics.borrow_watched().membership_config.log_id().as_ref())
    }

    /// Returns the node that leads, as far as this one knows.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        self.raft.server_metrics().borrow_watched().current_leader.map(NodeId)
    }

    /// Returns the node that leads, as far as this one knows, and its term.
    pub(crate) fn believed_leader(&self) -> Option<Leader> {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let (node, vote) = (metrics.current_leader?, metrics.vote);
        let known = vote.committed && vote.leader_id.node_id == node;
        Some(Leader { node: NodeId(node), term: known.then_some(Term(vote.leader_id.term)) })
    }

    /// Returns the leadership of this node, while it leads.
    pub(crate) fn leading(&self) -> Option<LeaderId> {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let leads = metrics.state == ServerState::Leader
            && metrics.vote.committed
            && metrics.vote.leader_id.node_id == self.node.0;
        leads.then_some(metrics.vote.leader_id)
    }

    /// Returns the vote this node stored last.
    pub(crate) fn vote(&self) -> Vote {
        self.raft.server_metrics().borrow_watched().vote
    }

    /// Returns the identity of the last entry of this node's log.
    pub(crate) fn last_log_id(&self) -> Option<LogId> {
        self.raft.data_metrics().borrow_watched().last_log
    }

    /// Returns the highest index that this node knows to be committed; never below what it applied.
    pub(crate) fn committed(&self) -> LogIndex {
        let metrics = self.raft.data_metrics();
        let metrics = metrics.borrow_watched();
        let committed = metrics.local_committed.max(metrics.cluster_committed);
        drop(metrics);
        LogIndex(committed.map_or(0, |log_id| log_id.index)).max(self.announcer.last())
    }

    /// Returns how far each follower's log agrees with this leader's; empty elsewhere.
    pub(crate) fn replicated(&self) -> BTreeMap<NodeId, LogIndex> {
        let metrics = self.raft.data_metrics();
        let metrics = metrics.borrow_watched();
        let followers = metrics.replication.iter().flatten();
        followers.map(|(id, matched)| (NodeId(*id), LogIndex(codec::index_of(matched.as_ref())))).collect()
    }

    /// Judges the replica here by the hashes of the others.
    pub(crate) fn verdict(&self) -> Verdict {
        self.hashes.verdict(&self.others())
    }

    /// Says whether another replica agreed with the one here since the start.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.hashes.is_confirmed(&self.others())
    }

    /// The other voters: those whose word counts.
    fn others(&self) -> BTreeSet<NodeId> {
        self.membership().voter_ids().map(NodeId).filter(|id| *id != self.node).collect()
    }

    /// Says whether the hold-off after the start is over, and the way back after a loss of the disk.
    pub(crate) fn has_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    /// Says whether this node must keep quiet in the group: it lost its disk, and hasn't caught up with what it knew.
    pub(crate) fn is_silent(&self) -> bool {
        match self.rejoin.part() {
            Part::Full => false,
            Part::Asking => true,
            Part::Barred { .. } => self.placed,
        }
    }

    /// Returns the membership in force, committed or not.
    pub(crate) fn membership(&self) -> Membership {
        self.raft.server_metrics().borrow_watched().membership_config.membership().clone()
    }

    /// Returns the membership in force with the entry that made it.
    pub(crate) fn stored_membership(&self) -> StoredMembership {
        self.raft.server_metrics().borrow_watched().membership_config.as_ref().clone()
    }

    /// Says whether a membership is committed, so that no later leader can go by one from before.
    pub(crate) fn has_committed(&self, membership: &StoredMembership) -> bool {
        LogIndex(codec::index_of(membership.log_id().as_ref())) <= self.committed()
    }

    /// Says whether the membership changed, or was committed, since this was asked last.
    pub(crate) fn membership_moved(&self) -> bool {
        let index = {
            let metrics = self.raft.server_metrics();
            let log_id = *metrics.borrow_watched().membership_config.log_id();
            codec::index_of(log_id.as_ref())
        };
        let now = (index << 1) | u64::from(LogIndex(index) <= self.committed());
        self.known_membership.swap(now, Ordering::Relaxed) != now
    }

    /// Tells the duties whether this node leads.
    pub(crate) fn announce_leadership(&self, leader: Option<LeaderId>) {
        self.leadership.send_if_modified(|known| std::mem::replace(known, leader) != leader);
    }
}
