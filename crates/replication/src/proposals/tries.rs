//! Handing proposals in until something is begun, inside the caller's deadline.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::id::{GroupId, LogIndex};
use service::ports::LogError;
use tokio::time::Instant;

use crate::node::group::Group;
use crate::node::shared::Node;
use crate::proposals::done::Done;
use crate::proposals::proposer::Proposer;
use crate::proposals::submission::{Failed, Origin, Wish};

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

/// How a try ended that a leader may have begun.
pub(super) enum Ended {
    Answered(Done),
    /// Applied, and it isn't known whether every holder is fenced.
    Unfenced(Done),
    /// Nobody knows what became of it, or will.
    Unknown,
}

/// The tries of one caller.
pub(super) struct Tries<'a> {
    node: &'a Node,
    replica: &'a Arc<Group>,
    proposer: &'a Proposer,
    wanted: Wanted,
    new_work: bool,
    begun: Instant,
    due: Instant,
    delay: Duration,
    /// Whether an earlier try is without an answer.
    maybe_done: bool,
}

impl<'a> Tries<'a> {
    pub(super) fn new(node: &'a Node, wanted: Wanted, new_work: bool) -> Result<Tries<'a>, LogError> {
        let Wanted { group, deadline, .. } = wanted;
        let (Some(replica), Some(proposer)) = (node.replica(group), node.proposer(group)) else {
            return Err(LogError::Broken { group, node: node.id, detail: "there is no such group".to_owned() });
        };
        let begun = Instant::now();
        let due = begun + deadline;
        Ok(Tries { node, replica, proposer, wanted, new_work, begun, due, delay: RETRY_MIN, maybe_done: false })
    }

    /// Returns the replica of the group here; it is idle while this node is no member.
    pub(super) fn replica(&self) -> &'a Arc<Group> {
        self.replica
    }

    /// Tries until there is an answer: for what may be applied any number of times.
    pub(super) async fn freely(&mut self, proposals: &[Bytes]) -> Result<Done, LogError> {
        loop {
            if let Ended::Answered(done) = self.begin(proposals).await? {
                return Ok(done);
            }
            self.pause().await?;
        }
    }

    /// Tries until a leader may have begun it.
    pub(super) async fn begin(&mut self, proposals: &[Bytes]) -> Result<Ended, LogError> {
        let group = self.wanted.group;
        loop {
            if self.new_work && self.replica.contact.is_lost() {
                // Another listener may reach the leader; this one's callers are not to wait for a line.
                return Err(self.given_up(self.begun.elapsed()));
            }
            let refusable = self.new_work && !self.maybe_done;
            let wish = Wish { fenced: self.wanted.fenced, origin: Origin::Here, refusable, due: self.due };
            let answered = tokio::select! {
                biased;
                answered = self.proposer.submit(proposals.to_vec(), wish) => answered,
                // The answer may not come here for as long as the line is cut.
                () = self.lost() => return Err(self.unknown()),
            };
            match answered {
                Ok(done) => return Ok(Ended::Answered(done)),
                Err(Failed::Overloaded(retry_after)) if !self.maybe_done => {
                    return Err(LogError::Overloaded { retry_after });
                }
                Err(Failed::Stopping) if !self.maybe_done => return Err(LogError::Stopping),
                // A group that has ended takes nothing more: trying again here comes to nothing.
                Err(Failed::Broken(detail)) => {
                    let broken = LogError::Broken { group, node: self.node.id, detail };
                    return Err(if self.maybe_done { self.unknown() } else { broken });
                }
                Err(Failed::Invalid(detail)) => return Err(LogError::Invalid { group, detail }),
                Err(Failed::Unfenced(done)) => {
                    self.maybe_done = true;
                    return Ok(Ended::Unfenced(done));
                }
                Err(Failed::Unknown(reason)) => {
                    tracing::debug!(group = group.0, reason, "proposal outcome unknown");
                    self.maybe_done = true;
                    return Ok(Ended::Unknown);
                }
                Err(Failed::NotLeader(_) | Failed::Overloaded(_) | Failed::Stopping) => {}
            }
            self.pause().await?;
        }
    }

    /// Takes note that no try is in the log, nor will be.
    pub(super) fn none_is_done(&mut self) {
        self.maybe_done = false;
    }

    /// Waits until this node's replica has applied an index, if there is one.
    pub(super) async fn applied(&self, index: LogIndex) -> Result<(), LogError> {
        let applied = tokio::select! {
            biased;
            applied = self.node.wait_applied(self.wanted.group, index, self.due) => applied,
            // The entry may not come here for as long as the line is cut.
            () = self.lost() => Err(()),
        };
        applied.map_err(|()| self.unknown())
    }

    /// Waits before the next try; an error when there is no time for one.
    pub(super) async fn pause(&mut self) -> Result<(), LogError> {
        if Instant::now() + self.delay >= self.due {
            return Err(self.given_up(self.wanted.deadline));
        }
        tokio::time::sleep(self.jittered()).await;
        self.delay = (self.delay * 2).min(RETRY_MAX);
        Ok(())
    }

    /// Says that the outcome is unknown, whatever is tried.
    pub(super) fn unknown(&self) -> LogError {
        LogError::Unknown { group: self.wanted.group, waited: self.begun.elapsed() }
    }

    fn given_up(&self, waited: Duration) -> LogError {
        match self.maybe_done {
            true => LogError::Unknown { group: self.wanted.group, waited },
            false => LogError::NoLeader { group: self.wanted.group, waited },
        }
    }

    /// Ready when new work in the group comes nowhere from here; never when it is no new work.
    async fn lost(&self) {
        match self.new_work {
            true => self.replica.contact.lost().await,
            false => std::future::pending().await,
        }
    }

    /// Spreads the attempts of many callers: half of the delay to all of it.
    fn jittered(&self) -> Duration {
        let half = self.delay / 2;
        let spread = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_nanos(self.node.random.next_u64() % spread)
    }
}
