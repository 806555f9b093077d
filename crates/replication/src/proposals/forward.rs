//! Handing proposals to the leader on another node: once, merged.

use bytes::Bytes;
use model::cluster::{placement, preferred_leader_region};
use model::id::{LogIndex, NodeId};
use model::outcome::Outcome;
use openraft::async_runtime::WatchReceiver as _;
use tokio::time::Instant;
use tonic::{Code, Status};
use tracing::Instrument as _;
use wire::Stored as _;
use wire::peer::{self, ProposeRequest, propose_reply};

use crate::proposals::applicable::check;
use crate::proposals::attempts::Attempt;
use crate::proposals::done::Done;
use crate::proposals::leader_hint::Leader;
use crate::proposals::submission::{Failed, Origin, ProposerParts, Submission};
use crate::raft::codec;

/// Forwards what may be forwarded; answers everything. Either all of it is to be fenced or nothing is: the leader
/// answers for a batch as a whole. Says whether a leader answered, so that the time says how fast it is.
pub(crate) async fn forward(parts: &ProposerParts, submissions: Vec<Submission>) -> bool {
    let leader = leader(parts);
    let (own, forwarded): (Vec<_>, Vec<_>) =
        submissions.into_iter().partition(|submission| submission.wish.origin == Origin::Here);
    forwarded.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(leader))));
    let Some(leader) = leader else {
        own.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(None))));
        return false;
    };
    forward_all(parts, leader, own).await
}

/// Names the node to ask: who was said to lead or leads as far as this node's replica knows, else, for groups that
/// aren't hosted here, those that it is placed on, first the one whose region should lead.
fn leader(parts: &ProposerParts) -> Option<Leader> {
    let group = &parts.group;
    if group.is_member() {
        let known = group.believed_leader().filter(|leader| leader.node != group.node);
        return parts.leader_hint().choose(known, &[]);
    }
    let nodes = parts.peers.nodes();
    let placed = placement(&nodes, group.id);
    let preferred = preferred_leader_region(&nodes, group.id).and_then(|region| placed.get(&region).copied());
    let others = placed.values().copied().filter(|member| Some(*member) != preferred);
    let members: Vec<NodeId> = preferred.into_iter().chain(others).filter(|member| *member != group.node).collect();
    parts.leader_hint().choose(None, &members)
}

async fn forward_all(parts: &ProposerParts, leader: Leader, submissions: Vec<Submission>) -> bool {
    let Some(due) = submissions.iter().map(|submission| submission.wish.due).max() else { return false };
    let fenced = submissions.iter().any(|submission| submission.wish.fenced);
    let generation = parts.generation.current();
    let attempt = Attempt { node: parts.group.node, incarnation: parts.incarnation, term: leader.term, generation };
    let request = ProposeRequest {
        group: u32::from(parts.group.id.0),
        proposals: submissions.iter().flat_map(|submission| submission.proposals.iter().cloned()).collect(),
        fenced,
        deadline_ms: u64::try_from(due.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX),
        attempt: Some(codec::attempt_out(&attempt)),
    };
    metrics::counter!("signalbox_batches_forwarded_total", "group" => parts.group.id.0.to_string()).increment(1);
    let group = parts.group.id.0;
    let span = tracing::debug_span!("forward", group, submissions = submissions.len(), leader = leader.node.0);
    let result = call(parts, leader, request, due).instrument(span).await;
    let answered = !matches!(result, Err(Failed::Unknown(_)));
    match result {
        Ok(applied) => split(submissions, applied),
        Err(Failed::Invalid(reason)) => refuse(parts, leader, submissions, &reason),
        Err(failed) => {
            match &failed {
                Failed::NotLeader(Some(told)) if told.node != parts.group.node => parts.leader_hint().told(*told),
                Failed::NotLeader(_) => parts.leader_hint().missed(leader.node),
                Failed::Unknown(_) => {
                    // Before anybody hears of it and tries again.
                    parts.generation.give_up(generation);
                    parts.leader_hint().missed(leader.node);
                }
                Failed::Invalid(_)
                | Failed::Overloaded(_)
                | Failed::Unfenced(_)
                | Failed::Stopping
                | Failed::Broken(_) => {}
            }
            submissions.into_iter().for_each(|submission| submission.answer(Err(failed.clone())));
        }
    }
    answered
}

/// Answers a batch that the leader refused: its callers are not to pay for each other. Whoever handed in what can't be
/// applied is told so, and the others try again; when that is nobody here, the leader's build knows less than this one.
fn refuse(parts: &ProposerParts, leader: Leader, submissions: Vec<Submission>, reason: &str) {
    let checks: Vec<Result<(), Failed>> =
        submissions.iter().map(|submission| check(&parts.group, &submission.proposals)).collect();
    let known = checks.iter().any(Result::is_err);
    for (submission, checked) in submissions.into_iter().zip(checks) {
        let again = if known { Failed::NotLeader(Some(leader)) } else { Failed::Invalid(reason.to_owned()) };
        submission.answer(Err(checked.err().unwrap_or(again)));
    }
}

async fn call(
    parts: &ProposerParts,
    leader: Leader,
    request: ProposeRequest,
    due: Instant,
) -> Result<peer::Applied, Failed> {
    let mut client = parts.peers.get(leader.node).map_err(|_| Failed::NotLeader(None))?.client;
    let answered = tokio::select! {
        biased;
        answered = tokio::time::timeout_at(due, client.propose(request)) => answered,
        () = superseded(parts, leader) => {
            return Err(Failed::Unknown("another node leads, and the former leader does not answer".to_owned()));
        }
        () = parts.group.contact.silent() => {
            return Err(Failed::Unknown("the leader does not answer and is not heard".to_owned()));
        }
    };
    let reply = match answered {
        Ok(Ok(reply)) => reply.into_inner(),
        Ok(Err(status)) if was_not_sent(&status) => return Err(Failed::NotLeader(None)),
        Ok(Err(status)) if status.code() == Code::InvalidArgument => {
            return Err(Failed::Invalid(status.message().to_owned()));
        }
        Ok(Err(status)) => return Err(Failed::Unknown(status.to_string())),
        Err(_) => return Err(Failed::Unknown("the leader did not answer in time".to_owned())),
    };
    match reply.result {
        Some(propose_reply::Result::Applied(applied)) => Ok(applied),
        Some(propose_reply::Result::NotLeader(not)) => Err(Failed::NotLeader(codec::leader_in(&not))),
        Some(propose_reply::Result::OverloadedRetryMs(retry)) => {
            Err(Failed::Overloaded(std::time::Duration::from_millis(retry)))
        }
        Some(propose_reply::Result::Unknown(reason)) => Err(Failed::Unknown(reason)),
        None => Err(Failed::Unknown("the leader gave an empty answer".to_owned())),
    }
}

/// Ready when a leader that does not answer is not worth waiting for: another one leads in a later term, and the former
/// had the time to answer what it was asked before. So a leader that is cut off holds its callers up for no longer than
/// an election takes, however long it takes to find out that the connection is dead.
async fn superseded(parts: &ProposerParts, leader: Leader) {
    let Some(term) = leader.term else { return std::future::pending().await };
    let mut metrics = parts.group.raft.server_metrics();
    while parts.group.believed_leader().and_then(|later| later.term).is_none_or(|later| later <= term) {
        if metrics.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
    tokio::time::sleep(parts.group.lease.timing().vote_hold_off()).await;
}

/// Says whether a failed call never reached the other node.
fn was_not_sent(status: &Status) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn split(submissions: Vec<Submission>, applied: peer::Applied) {
    let mut outcomes = applied.outcomes.into_iter();
    for submission in submissions {
        let own: Vec<Bytes> = outcomes.by_ref().take(submission.proposals.len()).collect();
        let complete = own.len() == submission.proposals.len();
        let parsed: Result<Vec<Outcome>, _> = own.iter().map(|bytes| Outcome::decode(bytes)).collect();
        submission.answer(match parsed {
            Ok(outcomes) if complete => Ok(Done { outcomes, index: LogIndex(applied.index) }),
            Ok(_) => Err(Failed::Unknown("the leader answered too few proposals".to_owned())),
            Err(error) => Err(Failed::Unknown(error.to_string())),
        });
    }
}
