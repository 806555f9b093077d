//! What becomes of a batch: written as one entry by the leader, forwarded to it by any other node.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::id::Term;
use tokio::time::Instant;

use crate::lease::fence;
use crate::proposals::applicable::applicable;
use crate::proposals::batch::Batch;
use crate::proposals::submission::{Failed, ProposerParts};
use crate::proposals::{forward, write};
use crate::raft::type_config::LeaderId;

/// What a batch that was sent off left.
#[derive(Default)]
pub(super) struct SentOff {
    /// What waits for the fence here.
    pub(super) fencing: Vec<fence::FenceWait>,
    /// Whether a leader answered: the time of one that was not reached says nothing of how fast the group is.
    pub(super) answered: bool,
}

/// Writes a batch in a leadership, or forwards it where this node has none.
pub(super) async fn send_off(parts: Arc<ProposerParts>, leads: Option<LeaderId>, batch: Batch) -> SentOff {
    let (live, late): (Vec<_>, Vec<_>) = batch.submissions.into_iter().partition(|submission| {
        submission.begun.store(true, Ordering::Release);
        Instant::now() < submission.wish.due
    });
    late.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(None))));
    if live.is_empty() {
        return SentOff::default();
    }
    let Some(leader) = leads else {
        let answered = forward::forward(&parts, live).await;
        return SentOff { fencing: Vec::new(), answered };
    };
    let term = Term(leader.term);
    let (live, old): (Vec<_>, Vec<_>) = live.into_iter().partition(|submission| submission.wish.origin.allows(term));
    old.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(parts.group.believed_leader()))));
    let live = applicable(&parts.group, live);
    if live.is_empty() {
        return SentOff::default();
    }
    let fencing = write::write(write::Leading { group: &parts.group, leader }, &*parts.clock, live).await;
    SentOff { fencing, answered: true }
}
