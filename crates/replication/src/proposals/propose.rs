//! Proposing with retries inside the deadline. An unknown outcome is tried
//! again too, because a copy of an earlier try is never begun after a later one (`attempts`); only the deadline ends
//! it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::command::Proposal;
use model::id::GroupId;
use service::ports::{Applied, LogError};
use tokio::time::Instant;
use wire::Stored as _;

use crate::node::group::Group;
use crate::node::shared::Node;
use crate::proposals::batch::ENTRY_BYTES_MAX;
use crate::proposals::submission::{Done, Failed, Origin, Wish};

/// The delays between attempts: first, and at most.
const RETRY_MIN: Duration = Duration::from_millis(10);
const RETRY_MAX: Duration = Duration::from_millis(100);

/// What is asked of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) group: GroupId,
    pub(crate) fenced: bool,
    pub(crate) deadline: Duration,
}

/// Proposes, and waits until this node's replica, if there is one, has applied the entry too.
pub(crate) async fn propose(node: &Node, wanted: Wanted, proposals: Vec<Proposal>) -> Result<Applied, LogError> {
    let due = Instant::now() + wanted.deadline;
    let encoded: Vec<Bytes> = proposals.iter().map(|proposal| Bytes::from(proposal.encoded())).collect();
    let size = encoded.iter().map(|bytes| wire::entry::proposal_len(bytes.len())).sum();
    if size > ENTRY_BYTES_MAX {
        return Err(LogError::TooLarge { size, limit: ENTRY_BYTES_MAX });
    }
    let new_work = proposals.iter().any(|proposal| proposal.command.is_new_work());
    let begun = Instant::now();
    let (done, repeated) = attempt_until(node, wanted, new_work, encoded, due).await?;
    node.saw(wanted.group, done.index);
    let replica = node.replica(wanted.group).filter(|_| new_work);
    let applied = tokio::select! {
        biased;
        applied = node.wait_applied(wanted.group, done.index, due) => applied,
        // The entry may not come here for as long as the line is cut.
        () = lost(replica) => Err(()),
    };
    applied.map_err(|()| LogError::Unknown { group: wanted.group, waited: begun.elapsed() })?;
    Ok(Applied { outcomes: done.outcomes, index: done.index, repeated })
}

/// Tries until there is an answer; says with it whether an earlier try is without one.
async fn attempt_until(
    node: &Node,
    wanted: Wanted,
    new_work: bool,
    encoded: Vec<Bytes>,
    due: Instant,
) -> Result<(Done, bool), LogError> {
    let Wanted { group, fenced, deadline } = wanted;
    let Some(proposer) = node.proposer(group) else {
        return Err(LogError::Broken { group, node: node.id, detail: "there is no such group".to_owned() });
    };
    let begun = Instant::now();
    let mut maybe_done = false;
    let mut delay = RETRY_MIN;
    loop {
        let replica = node.replica(group).filter(|_| new_work);
        if replica.is_some_and(|replica| replica.contact.is_lost()) {
            // Another listener may reach the leader; this one's callers are not to wait for a line.
            let waited = begun.elapsed();
            return Err(if maybe_done {
                LogError::Unknown { group, waited }
            } else {
                LogError::NoLeader { group, waited }
            });
        }
        let wish = Wish { fenced, origin: Origin::Here, refusable: new_work && !maybe_done, due };
        let answered = tokio::select! {
            biased;
            answered = proposer.submit(encoded.clone(), wish) => answered,
            () = lost(replica) => return Err(LogError::Unknown { group, waited: begun.elapsed() }),
        };
        match answered {
            Ok(done) => return Ok((done, maybe_done)),
            Err(Failed::Overloaded(retry_after)) if !maybe_done => return Err(LogError::Overloaded { retry_after }),
            Err(Failed::Stopping) if !maybe_done => return Err(LogError::Stopping),
            Err(Failed::Broken(detail)) if !maybe_done => {
                return Err(LogError::Broken { group, node: node.id, detail });
            }
            Err(Failed::Invalid(detail)) => {
                return Err(LogError::Invalid { group, detail });
            }
            Err(Failed::NotLeader(_)) => {}
            Err(other) => {
                tracing::debug!(group = group.0, reason = ?other, "proposal outcome unknown; retrying");
                maybe_done = true;
            }
        }
        if Instant::now() + delay >= due {
            return Err(match maybe_done {
                true => LogError::Unknown { group, waited: deadline },
                false => LogError::NoLeader { group, waited: deadline },
            });
        }
        tokio::time::sleep(jittered(node, delay)).await;
        delay = (delay * 2).min(RETRY_MAX);
    }
}

/// Ready when new work in a group comes nowhere from here; never when the group has no replica here, or it is no new
/// work.
async fn lost(replica: Option<&Arc<Group>>) {
    match replica {
        Some(replica) => replica.contact.lost().await,
        None => std::future::pending().await,
    }
}

/// Spreads the attempts of many callers: half of the delay to all of it.
fn jittered(node: &Node, delay: Duration) -> Duration {
    let half = delay / 2;
    let spread = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_nanos(node.random.next_u64() % spread)
}
