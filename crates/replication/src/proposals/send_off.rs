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

/// Writes a batch in a leadership, or forwards it where this node has none; returns what waits for the fence here.
pub(super) async fn send_off(
    parts: Arc<ProposerParts>,
    leads: Option<LeaderId>,
    batch: Batch,
) -> Vec<fence::FenceWait> {
    let (live, late): (Vec<_>, Vec<_>) = batch.submissions.into_iter().partition(|submission| {
        submission.begun.store(true, Ordering::Release);
        Instant::now() < submission.wish.due
    });
    late.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(None))));
    if live.is_empty() {
        return Vec::new();
    }
    let Some(leader) = leads else {
        forward::forward(&parts, live).await;
        return Vec::new();
    };
    let term = Term(leader.term);
    let (live, old): (Vec<_>, Vec<_>) = live.into_iter().partition(|submission| submission.wish.origin.allows(term));
    old.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(parts.group.believed_leader()))));
    let live = applicable(live);
    if live.is_empty() {
        return Vec::new();
    }
    write::write(write::Leading { group: &parts.group, leader }, &*parts.clock, live).await
}
