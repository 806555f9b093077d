//! A node that lost its disk and comes back under its old number. It has forgotten what it voted for and which entries
//! it acknowledged, and a majority may rest on either; so before it takes part in a group again:
//!
//! 1. It asks every other member how far elections have got, and accepts nothing from before that: a leader from
//!    then on was elected with a vote that it remembers, or without it. Until all have answered it is silent.
//! 2. It refuses votes, and doesn't stand, until it applied an entry of such a leader's own term: from then on it has
//!    every entry that it may have acknowledged. That it refuses is stored with its vote, so that a restart in between
//!    changes nothing.
//! 3. It takes the number of its start from what the others know of earlier ones (`start_number`).
//!
//! A new node of an old cluster goes the same way. It is no voter yet, so that a majority of the voters is enough to
//! ask: what else it may have voted for needed one of these. So it can take the place of a node that is lost for good.
//! When no other member knows of a leader either, there never was one, and the group is new: whoever this node voted
//! for before its start has given up by the time it asks, V after its start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::cluster::{Nodes, placement};
use model::id::{Incarnation, NodeId};
use openraft::async_runtime::WatchReceiver as _;
use openraft::vote::RaftLeaderId as _;
use tonic::Code;
use wire::peer;

use crate::members::part::Part;
use crate::members::start_number;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::codec;
use crate::raft::type_config::{LeaderId, StoredMembership, Vote};

/// How long another member may take to answer, and how long until all are asked again.
const ASK: Duration = Duration::from_millis(500);

/// Brings a group to full part, V after the node's start. Says whether the group is new.
pub(crate) async fn run(node: &Node, group: &Arc<Group>, nodes: &Nodes) -> bool {
    if group.rejoin.part() == Part::Asking {
        let answers = ask_all(node, group, nodes).await;
        let incarnation = answers.iter().map(|known| known.incarnation).max().unwrap_or_default();
        if !start_number::is_new(node, group, incarnation) {
            return std::future::pending().await;
        }
        let Some(least) = highest(answers) else {
            group.rejoin.set(Part::Full);
            return true;
        };
        let (id, term) = (group.id.0, least.leader_id.term);
        match group.placed {
            true => tracing::warn!(
                group = id,
                term,
                "no data for a group that other members have; not voting until caught up"
            ),
            false => tracing::debug!(group = id, term, "group is placed on another node"),
        }
        group.log.set_barred(Some(least.leader_id.term));
        group.rejoin.set(Part::Barred { least });
    }
    if let Part::Barred { least } = group.rejoin.part() {
        recovered(group, least.leader_id.term).await;
        if group.placed && !numbered_by_log(node, group) {
            return std::future::pending().await;
        }
        group.log.set_barred(None);
        group.rejoin.set(Part::Full);
        tracing::info!(group = group.id.0, "caught up after data loss; voting again");
    }
    false
}

/// Looks for an earlier life in the replica, which knows of every one that the group was told of. Says whether this
/// start's number is a new one.
fn numbered_by_log(node: &Node, group: &Group) -> bool {
    match start_number::known(node, group, node.id) {
        Ok(known) => start_number::is_new(node, group, known),
        Err(error) => {
            node.fatal.report(error.to_string());
            false
        }
    }
}

/// Returns the highest vote of the answers, or nothing when there never was a leader.
fn highest(answers: Vec<Known>) -> Option<Vote> {
    let led = answers.iter().any(|known| known.led);
    let highest = answers.into_iter().map(|known| known.vote).reduce(|a, b| if b > a { b } else { a });
    highest.filter(|_| led)
}

/// Asks until every other member has answered: those of the newest membership that an answer knows, because the
/// configuration may name nodes that were removed, and miss such as were added. Whoever answers goes by what it has in
/// its log; a later membership would be in the log of one of these.
async fn ask_all(node: &Node, group: &Group, nodes: &Nodes) -> Vec<Known> {
    let placed = placement(nodes, group.id).into_values();
    let mut others: BTreeSet<NodeId> = placed.filter(|member| *member != node.id).collect();
    loop {
        let asked = others.iter().map(|other| async { (*other, ask(node, group, *other).await) });
        let answers: BTreeMap<NodeId, Option<Known>> = futures::future::join_all(asked).await.into_iter().collect();
        if newest(answers.values().flatten()).is_some_and(|newest| outside_of_majority(node, newest, &answers)) {
            return answers.into_values().flatten().collect();
        }
        let members = members(node, answers.values().flatten());
        if members.as_ref().is_some_and(|members| *members != others) {
            others = members.unwrap_or(others);
            tokio::time::sleep(ASK).await;
            continue;
        }
        let silent: Vec<u64> = answers.iter().filter(|(_, answer)| answer.is_none()).map(|(id, _)| id.0).collect();
        if silent.is_empty() {
            return answers.into_values().flatten().collect();
        }
        tracing::debug!(group = group.id.0, ?silent, "waiting for every other member to answer");
        tokio::time::sleep(ASK).await;
    }
}

/// Returns the newest membership that the answers know; nothing when they know of none.
fn newest<'a>(answers: impl Iterator<Item = &'a Known>) -> Option<&'a StoredMembership> {
    let known = answers.map(|known| &known.membership).filter(|stored| stored.log_id().is_some());
    known.max_by_key(|stored| *stored.log_id())
}

/// Says whether this node is no voter by a membership, and a majority of its voters has answered, none of which knows a
/// later one. In a later one, whatever rested on this node's vote rested on such a majority as well, and one of these
/// voters would know of it. Whoever knows of no membership doesn't count: it may have lost its disk too.
fn outside_of_majority(node: &Node, newest: &StoredMembership, answers: &BTreeMap<NodeId, Option<Known>>) -> bool {
    let answered = |id: &u64| {
        let answer = answers.get(&NodeId(*id)).and_then(Option::as_ref);
        answer.is_some_and(|known| known.membership.log_id().is_some())
    };
    let is_majority = |voters: &BTreeSet<u64>| voters.iter().filter(|id| answered(id)).count() > voters.len() / 2;
    let membership = newest.membership();
    !membership.voter_ids().any(|id| id == node.id.0) && membership.get_joint_config().iter().all(is_majority)
}

/// Returns the other voters by the newest membership of the answers, and takes note of where they are; nothing when this
/// node is no voter by it.
fn members<'a>(node: &Node, answers: impl Iterator<Item = &'a Known>) -> Option<BTreeSet<NodeId>> {
    let newest = newest(answers)?.membership();
    if !newest.voter_ids().any(|id| id == node.id.0) {
        return None;
    }
    let others: BTreeSet<NodeId> = newest.voter_ids().map(NodeId).filter(|id| *id != node.id).collect();
    for id in &others {
        if let Some(member) = newest.get_node(&id.0) {
            node.peers.learn_if_unknown(&member.0);
        }
    }
    (!others.is_empty()).then_some(others)
}

/// What another member knows of a group.
struct Known {
    vote: Vote,
    /// Whether it knows of a leader, now or earlier.
    led: bool,
    /// The latest start of the asking node that it knows of.
    incarnation: Incarnation,
    /// The membership that it goes by; empty when it knows of none.
    membership: StoredMembership,
}

/// Asks one member; nothing when it doesn't answer.
async fn ask(node: &Node, group: &Group, other: NodeId) -> Option<Known> {
    let mut client = node.peers.get(other).ok()?.client;
    let nobody = peer::Vote { term: 0, node: node.id.0, committed: false };
    let request = peer::VoteRequest { group: u32::from(group.id.0), vote: Some(nobody), last: None };
    match tokio::time::timeout(ASK, client.pre_vote(request)).await.ok()? {
        Ok(reply) => {
            let reply = reply.into_inner();
            let membership = codec::membership_of(&reply).ok()?;
            let vote = codec::vote_in(reply.vote).ok()?;
            // The entry that makes a group is of term 0; a leader's first one is of its own.
            let led = vote.committed || reply.last.is_some_and(|last| last.term > 0);
            Some(Known { vote, led, incarnation: Incarnation(reply.known_incarnation), membership })
        }
        Err(status) if status.code() == Code::NotFound => {
            let vote = Vote { leader_id: LeaderId::new(0, other.0), committed: false };
            let membership = StoredMembership::default();
            Some(Known { vote, led: false, incarnation: Incarnation(0), membership })
        }
        Err(_) => None,
    }
}

/// Waits until an entry of the term, or of a later one, is applied here.
async fn recovered(group: &Group, term: u64) {
    let mut data = group.raft.data_metrics();
    loop {
        let applied = data.borrow_watched().last_applied;
        if applied.is_some_and(|applied| applied.leader_id.term >= term) {
            return;
        }
        if data.changed().await.is_err() {
            // The group has stopped; whatever comes next begins with the stored bar.
            std::future::pending::<()>().await;
        }
    }
}
