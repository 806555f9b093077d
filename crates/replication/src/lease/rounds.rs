//! Asks for leases: one call per other node carries all groups that it leads, four times per lease, and at once when a
//! fence moved over something that forbids sending. The calls also say when this node last saw the others, and how
//! its replicas look, and the answers what the other's clocks show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use model::id::{GroupId, Incarnation, LogIndex, NodeId, Term};
use model::readiness::ReadyState;
use model::time::{BootTime, Timestamp};
use service::ports::BoxFuture;
use tokio::time::MissedTickBehavior;
use traffic::cluster_time::{Heard, OwnTime};
use traffic::lease::{Grant, HolderId, Renewal, Report};
use wire::peer::group_grant::Decision as Answer;
use wire::peer::{self, GroupReport, LeaseReply, LeaseRequest, StateHash};

use crate::lease::contact::{Contact, LEADER_SETTLES};
use crate::lease::group_lease::votes::CONTACT_MAX;
use crate::lease::starved;
use crate::members::membership;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::codec;
use crate::server::lease_calls;

/// The most calls that are unanswered by one node. More would not be answered sooner.
const CALLS_MAX: usize = 8;

/// A call that ended: whom it went to, and the answer, if one came.
type Ended = (NodeId, Option<LeaseReply>);

/// The calls under way.
#[derive(Default)]
struct Calls {
    futures: FuturesUnordered<BoxFuture<'static, Ended>>,
    per_node: BTreeMap<NodeId, usize>,
    /// Groups whose report found too many calls under way.
    late: BTreeSet<GroupId>,
}

/// Asks until the node stops.
pub(crate) async fn run(node: Arc<Node>) {
    let mut ticker = tokio::time::interval(node.timing.renewal());
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut calls = Calls::default();
    loop {
        tokio::select! {
            biased;
            Some((to, reply)) = calls.futures.next(), if !calls.futures.is_empty() => {
                calls.ended(&node, to);
                if let Some(reply) = reply {
                    take(&node, to, reply);
                }
            }
            _ = ticker.tick() => {
                node.look_at_clocks();
                membership::learn(&node);
                node.groups.values().for_each(|group| group.contact.found(contact(&node, group)));
                let all: BTreeSet<GroupId> = node.groups.keys().copied().collect();
                let asked = ask(&node, &mut calls, &all);
                let others = node.peers.nodes().into_keys().filter(|other| *other != node.id);
                for other in others.filter(|other| !asked.contains(other)) {
                    // Leads nothing, as far as is known, and still wants to hear from this node: also while an earlier
                    // call has no answer, as where only the way back is cut.
                    calls.begin(&node, other, Vec::new());
                }
            }
            groups = node.pushes.take() => drop(ask(&node, &mut calls, &groups)),
        }
    }
}

/// Says how this node and a group hear each other now.
fn contact(node: &Node, group: &Group) -> Contact {
    let now = node.now();
    let led = group.contact.led_by(group.leader(), now);
    if !group.is_member() {
        return Contact::Close;
    }
    if !group.lease.in_contact(now, CONTACT_MAX) {
        return Contact::Silent;
    }
    let settled = led.filter(|(leader, lasts)| *leader != node.id && *lasts >= LEADER_SETTLES);
    match settled.is_none_or(|(leader, _)| node.last_seen.is_connected(leader, now, CONTACT_MAX)) {
        true => Contact::Close,
        false => Contact::Halved,
    }
}

/// Asks the leaders of these groups. Returns who was asked.
fn ask(node: &Arc<Node>, calls: &mut Calls, groups: &BTreeSet<GroupId>) -> BTreeSet<NodeId> {
    let Some(holder) = node.holder().filter(|_| !node.fatal.is_reported()) else { return BTreeSet::new() };
    let mut by_leader: BTreeMap<NodeId, Vec<GroupReport>> = BTreeMap::new();
    for group in groups.iter().filter_map(|group| node.group(*group)) {
        let (Some(leader), Some(own)) = (group.leader(), group.lease.report(node.now())) else { continue };
        if leader == node.id {
            ask_self(node, group.id, &holder);
            continue;
        }
        by_leader.entry(leader).or_default().push(GroupReport {
            group: u32::from(group.id.0),
            fenced: own.fenced.0,
            applied: own.applied.0,
            drained_epoch: own.drained.map_or(0, |epoch| epoch.0),
            lease_age_ms: own.lease_age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        });
    }
    let asked = by_leader.keys().copied().collect();
    for (leader, reports) in by_leader {
        calls.begin(node, leader, reports);
    }
    asked
}

/// The leader is a holder like any other, without a call.
fn ask_self(node: &Node, group: GroupId, holder: &HolderId) {
    let Some(hosted) = node.group(group) else { return };
    let sent = node.now();
    let Some(own) = hosted.lease.report(sent) else { return };
    let report = Report { holder: holder.clone(), fenced: own.fenced, drained: own.drained };
    if let Ok(grant) = lease_calls::decide(node, group, &node.build, Renewal { report, sent }) {
        hosted.lease.granted(node.now(), grant);
    }
}

impl Calls {
    fn begin(&mut self, node: &Arc<Node>, to: NodeId, groups: Vec<GroupReport>) {
        let under_way = self.per_node.entry(to).or_default();
        if *under_way >= CALLS_MAX {
            let late = groups.iter().filter_map(|report| codec::group(report.group).ok());
            self.late.extend(late);
            return;
        }
        *under_way += 1;
        self.futures.push(Box::pin(call(node.clone(), to, groups)));
    }

    fn ended(&mut self, node: &Node, to: NodeId) {
        if let Some(under_way) = self.per_node.get_mut(&to) {
            *under_way -= 1;
            if *under_way == 0 {
                self.per_node.remove(&to);
            }
        }
        std::mem::take(&mut self.late).into_iter().for_each(|group| node.pushes.push(group));
    }
}

async fn call(node: Arc<Node>, to: NodeId, groups: Vec<GroupReport>) -> Ended {
    let Ok(peer) = node.peers.get(to) else { return (to, None) };
    let mut client = peer.client;
    // The lease counts from here (R3).
    let now = node.now();
    let own = node.last_seen.own();
    let request = LeaseRequest {
        node: node.id.0,
        incarnation: node.incarnation.0,
        region: node.info.region.as_str().to_owned(),
        sent: now.0,
        groups,
        last_seen_ms: millis(node.last_seen.ages(now)),
        both_ways_ms: millis(node.last_seen.both_ways_ages(now)),
        hashes: hashes(&node),
        removed: node.peers.untold(to).into_iter().map(|id| id.0).collect(),
        starved: starved::to_pass_on(&node).iter().map(codec::starved_out).collect(),
        ready: ready_out(&own) as i32,
        build: node.build.name.clone(),
        oldest_version: node.build.versions.oldest(),
        newest_version: node.build.versions.newest(),
        not_ready: if own == ReadyState::Ready { String::new() } else { own.to_string() },
        counted: node.seconds.untold(to),
    };
    // An answer after D would be useless.
    match tokio::time::timeout(node.timing.lease(), client.lease(request)).await {
        Ok(Ok(reply)) => {
            node.peers.met(to, Ok(()));
            let reply = reply.into_inner();
            node.peers.told(to, reply.forgotten.iter().map(|id| NodeId(*id)));
            node.seconds.acknowledged(to, reply.counted_until);
            (to, Some(reply))
        }
        Ok(Err(status)) => {
            node.peers.met(to, Err(&status));
            tracing::debug!(node = to.0, code = ?status.code(), "lease request failed");
            (to, None)
        }
        Err(_) => {
            // Where calls of the other arrive and no answer does, the line is slower than a lease is long.
            let now = node.now();
            if node.last_seen.ages(now).get(&to).is_some_and(|age| *age < node.timing.lapse()) {
                node.round_trips.took(to, now, node.timing.lease());
            }
            (to, None)
        }
    }
}

fn millis(ages: BTreeMap<NodeId, Duration>) -> BTreeMap<u64, u64> {
    ages.into_iter().map(|(node, age)| (node.0, u64::try_from(age.as_millis()).unwrap_or(u64::MAX))).collect()
}

fn ready_out(own: &ReadyState) -> peer::ReadyState {
    match own {
        ReadyState::Ready => peer::ReadyState::Ready,
        ReadyState::Waiting(_) => peer::ReadyState::Waiting,
        ReadyState::Unable(_) => peer::ReadyState::Unable,
    }
}

fn hashes(node: &Node) -> Vec<StateHash> {
    let latest = node.hosted().flat_map(|group| group.hashes.latest().into_iter().map(|round| (group.id, round)));
    latest
        .map(|(group, round)| StateHash { group: u32::from(group.0), index: round.index.0, hash: round.hash })
        .collect()
}

fn take(node: &Node, from: NodeId, reply: LeaseReply) {
    // It was asked before it was removed.
    if membership::was_removed(node, from) {
        return;
    }
    let now = node.now();
    node.last_seen.answered(from, now);
    node.round_trips.took(from, now, now.since(BootTime(reply.sent)));
    hear(node, from, &reply, now);
    for granted in reply.groups {
        let Ok(id) = codec::group(granted.group) else { continue };
        let Some(group) = node.group(id) else { continue };
        match granted.decision {
            Some(Answer::Grant(grant)) => group.lease.granted(
                now,
                Grant {
                    incarnation: Incarnation(reply.incarnation),
                    sent: BootTime(reply.sent),
                    term: Term(grant.term),
                    need: LogIndex(grant.need),
                },
            ),
            Some(Answer::Refused(reason)) => {
                tracing::debug!(group = id.0, node = from.0, reason, "lease request refused");
            }
            None => {}
        }
    }
}

/// Takes note of another node's clocks. One of an older version says nothing of them.
fn hear(node: &Node, from: NodeId, reply: &LeaseReply, arrived: BootTime) {
    let Some(wall) = reply.wall_ms else { return };
    let time = reply.time_ms.map(|time| OwnTime { time: Timestamp(time), era: reply.time_era });
    node.time.heard(Heard { node: from, sent: BootTime(reply.sent), arrived, wall: Timestamp(wall), time });
    node.look_at_clocks();
}
