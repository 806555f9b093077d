//! Writing merged proposals as one entry, on the leader.

use std::sync::Arc;

use model::id::{LogIndex, NodeId};
use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ClientWriteError, Fatal, RaftError};
use openraft::impls::ProgressResponder;
use openraft::raft::ClientWriteResponse;
use service::ports::Clock;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::lease::fence;
use crate::node::group::Group;
use crate::proposals::done::Done;
use crate::proposals::leader_hint::Leader;
use crate::proposals::submission::{Failed, Submission};
use crate::raft::type_config::{EntryBytes, LeaderId, LogId, TypeConfig};

/// A group that this node leads.
#[derive(Clone, Copy)]
pub(crate) struct Leading<'a> {
    pub(crate) group: &'a Arc<Group>,
    pub(crate) leader: LeaderId,
}

/// Writes submissions as one entry, in this leadership or not at all, and answers them; returns those that wait for the
/// fence.
pub(crate) async fn write(
    leading: Leading<'_>,
    clock: &dyn Clock,
    submissions: Vec<Submission>,
) -> Vec<fence::FenceWait> {
    let group = leading.group;
    if let Some(failed) = ended(group) {
        submissions.into_iter().for_each(|submission| submission.answer(Err(failed.clone())));
        return Vec::new();
    }
    let Some(stamp) = group.time.stamp() else {
        // Whoever can't stamp can't lead yet.
        tracing::debug!(group = group.id.0, "entry not written: the cluster's time is not known yet");
        submissions.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(None))));
        return Vec::new();
    };
    let since = clock.boot_time();
    let proposals = submissions.iter().flat_map(|submission| submission.proposals.iter().cloned()).collect();
    let entry = wire::Entry { stamp, proposals }.encode();
    metrics::counter!("signalbox_entries_written_total", "group" => group.id.0.to_string()).increment(1);
    let span = tracing::debug_span!("proposal", group = group.id.0, submissions = submissions.len(), index = Empty);
    match append(leading, EntryBytes(entry)).instrument(span.clone()).await {
        Ok(response) => {
            span.record("index", response.log_id.index);
            span.in_scope(|| tracing::debug!("entry applied"));
            let answered = Answered { group, log_id: response.log_id, since };
            answered.split(submissions, response.data.0)
        }
        Err(failed) => {
            submissions.into_iter().for_each(|submission| submission.answer(Err(failed.clone())));
            Vec::new()
        }
    }
}

/// Appends an entry and waits until it is applied.
async fn append(leading: Leading<'_>, entry: EntryBytes) -> Result<ClientWriteResponse<TypeConfig>, Failed> {
    let (responder, answered) = ProgressResponder::complete_only();
    let request = leading.group.raft.write(entry).with_leader(leading.leader).responder(responder);
    request.await.map_err(|fatal| failed(RaftError::Fatal(fatal)))?;
    match answered.await {
        Ok(answer) => answer.map_err(|error| failed(RaftError::APIError(error))),
        Err(_) => Err(Failed::Unknown("the group stopped while the entry was under way".to_owned())),
    }
}

/// An entry that was applied.
struct Answered<'a> {
    group: &'a Arc<Group>,
    log_id: LogId,
    since: model::time::BootTime,
}

impl Answered<'_> {
    fn split(&self, submissions: Vec<Submission>, outcomes: Vec<model::outcome::Outcome>) -> Vec<fence::FenceWait> {
        let mut outcomes = outcomes.into_iter();
        let mut waiting = Vec::new();
        for submission in submissions {
            let own = outcomes.by_ref().take(submission.proposals.len()).collect();
            let done = Done { outcomes: own, index: LogIndex(self.log_id.index) };
            if submission.wish.fenced {
                let (group, leader, since) = (self.group.clone(), self.log_id.leader_id, self.since);
                waiting.push(fence::FenceWait { group, leader, since, submission, done });
            } else {
                submission.answer(Ok(done));
            }
        }
        waiting
    }
}

/// Says what a failed write means for whoever asked.
pub(crate) fn failed(error: RaftError<TypeConfig, ClientWriteError<TypeConfig>>) -> Failed {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            Failed::NotLeader(forward.leader_id.map(|node| Leader { node: NodeId(node), term: None }))
        }
        RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => {
            Failed::Unknown("leadership was lost while the entry was under way".to_owned())
        }
        RaftError::APIError(other) => Failed::Broken(other.to_string()),
        // The group ended after it took the entry: others may have it, and commit it.
        RaftError::Fatal(fatal) => Failed::Unknown(fatal.to_string()),
    }
}

/// Says why a group takes no entries any more, if it has ended.
fn ended(group: &Group) -> Option<Failed> {
    match &group.raft.metrics().borrow_watched().running_state {
        Ok(()) => None,
        Err(Fatal::Stopped) => Some(Failed::Stopping),
        Err(fatal) => Some(Failed::Broken(fatal.to_string())),
    }
}
