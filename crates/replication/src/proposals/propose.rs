//! Proposing inside a deadline, so that no change is made twice. What has a request id is tried until there is an
//! answer: the state knows it again. Everything else is tried again only when the first try is neither in the log nor
//! ever will be.
//!
//! That is found out by a **barrier**, a command that changes nothing. Once it is committed, a try that went before it is
//! earlier in the log or nowhere: within a term the leader begins nothing that was given up before what it has begun
//! since (`attempts`), and an entry of an earlier term that is not before a committed entry of a later one never will
//! be. So when this node's replica has applied the barrier, it has seen the try (`own`), with its answer, or there is
//! nothing of it.

use bytes::Bytes;
use model::command::Proposal;
use service::ports::{Applied, LogError};
use wire::{ProposalMark, Stored as _};

use crate::node::shared::Node;
use crate::proposals::batch::ENTRY_BYTES_MAX;
use crate::proposals::done::Done;
use crate::proposals::own::{Sighting, Watched};
use crate::proposals::tries::{Ended, Tries, Wanted};

/// Proposes, and waits until this node's replica, if there is one, has applied the entry too.
pub(crate) async fn propose(node: &Node, wanted: Wanted, proposals: Vec<Proposal>) -> Result<Applied, LogError> {
    let new_work = proposals.iter().any(|proposal| proposal.command.is_new_work());
    let mut tries = Tries::new(node, wanted, new_work)?;
    let repeatable = proposals.iter().all(|proposal| proposal.request.is_some());
    let watched = (!repeatable).then(|| tries.replica().own.watch());
    let mark = watched.as_ref().map(Watched::mark);
    let encoded: Vec<Bytes> = proposals.iter().map(|proposal| encode(proposal, mark)).collect();
    let size = encoded.iter().map(|bytes| wire::entry::proposal_len(bytes.len())).sum();
    if size > ENTRY_BYTES_MAX {
        return Err(LogError::TooLarge { size, limit: ENTRY_BYTES_MAX });
    }
    let done = match &watched {
        Some(watched) => once(&mut tries, watched, &encoded).await?,
        None => tries.freely(&encoded).await?,
    };
    // Its answer is known: the replica needn't keep another copy of it.
    drop(watched);
    node.saw(wanted.group, done.index);
    tries.applied(done.index).await?;
    Ok(Applied { outcomes: done.outcomes, index: done.index })
}

fn encode(proposal: &Proposal, mark: Option<ProposalMark>) -> Bytes {
    let mut bytes = Vec::new();
    if let Some(mark) = mark {
        mark.encode(&mut bytes);
    }
    proposal.encode(&mut bytes);
    bytes.into()
}

/// Tries until there is an answer, and never while an earlier try may be in the log.
async fn once(tries: &mut Tries<'_>, watched: &Watched, proposals: &[Bytes]) -> Result<Done, LogError> {
    loop {
        let applied = match tries.begin(proposals).await? {
            Ended::Answered(done) => return Ok(done),
            Ended::Unfenced(done) => Some(done),
            Ended::Unknown => None,
        };
        pass_barrier(tries).await?;
        match applied.map_or_else(|| watched.sighting(), Sighting::Applied) {
            Sighting::Applied(done) => return Ok(done),
            Sighting::Missed => return Err(tries.unknown()),
            Sighting::Absent => tries.none_is_done(),
        }
        tries.pause().await?;
    }
}

/// Puts a command that changes nothing into the log, and waits until this node's replica has applied it. If what went
/// before is to be fenced, this is: then every holder is fenced up to both.
async fn pass_barrier(tries: &mut Tries<'_>) -> Result<(), LogError> {
    let command = registry::fence(tries.replica().version.now());
    let barrier = encode(&Proposal { request: None, command }, None);
    // Whatever stands in the way of it, the tries before it stay unknown.
    let done = tries.freely(&[barrier]).await.map_err(|_| tries.unknown())?;
    tries.applied(done.index).await?;
    // A replica that takes no part in the group has not seen what went before.
    let has_seen = tries.replica().announcer.last() >= done.index;
    has_seen.then_some(()).ok_or_else(|| tries.unknown())
}
