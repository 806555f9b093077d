//! What holders of leases ask of the leader.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{Epoch, GroupId, Incarnation, LogIndex, NodeId, RegionId};
use model::readiness::ReadyState;
use model::time::BootTime;
use model::version::{Build, Versions};
use traffic::lease::{Decision, Grant, HolderId, Renewal, Report};
use traffic::observed::Reporter;
use wire::peer::group_grant::Decision as Answer;
use wire::peer::{self, GroupGrant, GroupReport, LeaseReply, LeaseRequest, StateHash};

use crate::lease::last_seen::PeerReport;
use crate::lease::starved;
use crate::lease::tenure;
use crate::members::membership;
use crate::node::shared::Node;
use crate::raft::codec::{self, CodecError};
use crate::raft::hashes::{Found, Round, Verdict};

/// Answers a holder for all groups it asks about, and takes note of whom it saw last.
pub(crate) fn answer(node: &Node, request: LeaseRequest) -> Result<LeaseReply, CodecError> {
    let from = NodeId(request.node);
    let region = RegionId::new(&request.region).map_err(|_| CodecError::Missing("region"))?;
    let build = build_in(&request);
    let ages = |(node, ms): (&u64, &u64)| (NodeId(*node), Duration::from_millis(*ms));
    let last_seen: BTreeMap<NodeId, Duration> = request.last_seen_ms.iter().map(ages).collect();
    let both_ways: BTreeMap<NodeId, Duration> = request.both_ways_ms.iter().map(ages).collect();
    let mut counted_until = 0;
    if !membership::was_removed(node, from) {
        let starved = request.starved.iter().take(starved::TOLD_MAX).map(codec::starved_in);
        let starved = starved.collect::<Result<Vec<_>, _>>()?;
        let report = PeerReport { last_seen, both_ways, ready: ready_in(&request), starved, build: build.clone() };
        node.last_seen.report(from, node.now(), report);
        let reporter = Reporter::new(from, region.clone(), Incarnation(request.incarnation));
        counted_until = node.seconds.hear(&reporter, &request.counted);
    }
    let removed = request.removed.iter().map(|id| NodeId(*id));
    let forgotten = removed.filter(|id| membership::told_of_removal(node, *id)).map(|id| id.0).collect();
    compare(node, from, &request.hashes)?;
    let holder = HolderId { node: from, incarnation: Incarnation(request.incarnation), region };
    let sent = BootTime(request.sent);
    let mut groups = Vec::with_capacity(request.groups.len());
    for report in request.groups {
        let group = codec::group(report.group)?;
        let decision = decide(node, group, &build, Renewal { report: report_in(&holder, &report), sent });
        if let (Some(age), Some(hosted)) = (report.lease_age_ms, node.group(group)) {
            hosted.lease.lease_age(node.now(), from, Duration::from_millis(age));
        }
        groups.push(GroupGrant { group: report.group, decision: Some(answer_out(decision)) });
    }
    let (wall, time) = node.time.told();
    Ok(LeaseReply {
        incarnation: request.incarnation,
        sent: request.sent,
        groups,
        wall_ms: Some(wall.0),
        time_ms: time.map(|own| own.time.0),
        time_era: time.map_or(0, |own| own.era),
        forgotten,
        counted_until,
    })
}

/// Compares another node's replicas with those here. A replica that differs is not to be mended by a program: which one
/// is right, and why the other is not, must be looked into.
fn compare(node: &Node, from: NodeId, hashes: &[StateHash]) -> Result<(), CodecError> {
    for theirs in hashes {
        let id = codec::group(theirs.group)?;
        let Some(group) = node.group(id).filter(|_| node.peers.get(from).is_ok()) else { continue };
        let round = Round { index: LogIndex(theirs.index), hash: theirs.hash };
        match group.hashes.compare(from, round) {
            Some(Found::Differs) => {
                metrics::counter!("signalbox_replica_differences_total").increment(1);
                tracing::error!(
                    group = id.0,
                    node = from.0,
                    index = theirs.index,
                    "replica diverged: state hashes differ"
                );
                if group.verdict() == Verdict::Corrupt {
                    node.fatal.report(format!(
                        "the state of group {id} differs from that of all other replicas: {}",
                        store::error::REMEDY
                    ));
                }
            }
            Some(Found::Agrees) => {
                tracing::info!(group = id.0, node = from.0, index = theirs.index, "state hashes agree again");
            }
            None => {}
        }
    }
    Ok(())
}

/// Decides about one group. The clock and the commit index are read here, after the request arrived (R1, R4). A build
/// that doesn't know the group's version can't read what forbids sending there, so it gets nothing.
pub(crate) fn decide(node: &Node, group: GroupId, build: &Build, renewal: Renewal) -> Result<Grant, String> {
    if node.fatal.is_reported() {
        return Err("this node must stop".to_owned());
    }
    let group = node.group(group).ok_or("the group is not hosted here")?;
    registry::known(build.versions, group.version.now()).map_err(|error| error.to_string())?;
    tenure::observe(node, group);
    let commit = group.committed();
    match group.lease.request(node.now(), renewal, commit) {
        Some(Decision::Grant(grant)) => Ok(grant),
        Some(Decision::Refuse(reason)) => {
            metrics::counter!("signalbox_leases_refused_total").increment(1);
            Err(reason.to_string())
        }
        None => Err("this node does not lead the group".to_owned()),
    }
}

/// A build that says nothing of itself is one of before this was said.
fn build_in(request: &LeaseRequest) -> Build {
    Build::new(&request.build, Versions::new(request.oldest_version, request.newest_version))
}

/// Whatever isn't said for sure is no yes.
fn ready_in(request: &LeaseRequest) -> ReadyState {
    let reason = request.not_ready.clone();
    match request.ready() {
        peer::ReadyState::Ready => ReadyState::Ready,
        peer::ReadyState::Waiting => ReadyState::Waiting(reason),
        peer::ReadyState::Unspecified | peer::ReadyState::Unable => ReadyState::Unable(reason),
    }
    .bounded()
}

fn report_in(holder: &HolderId, report: &GroupReport) -> Report {
    Report {
        holder: holder.clone(),
        fenced: LogIndex(report.fenced),
        drained: (report.drained_epoch > 0).then_some(Epoch(report.drained_epoch)),
    }
}

fn answer_out(decision: Result<Grant, String>) -> Answer {
    match decision {
        Ok(grant) => Answer::Grant(peer::Grant { term: grant.term.0, need: grant.need.0 }),
        Err(reason) => Answer::Refused(reason),
    }
}
