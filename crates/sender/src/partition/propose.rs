//! Proposing commands that must not be lost: repeats until there is an answer. All of them may be repeated, because the
//! registry answers a repetition alike or ignores it.

use std::sync::Arc;
use std::time::Duration;

use delivery::retry::RetryPolicy;
use model::command::{Command, Proposal};
use model::{GroupId, Outcome};
use service::ports::LogError;
use tokio::sync::watch;

use crate::shared::Shared;

/// How far apart tries are. There is no last one: what is proposed exists only in this process.
const TRIES: RetryPolicy = RetryPolicy { first: Duration::from_millis(20), factor: 2, max: Duration::from_secs(2) };

/// How long the tries go on.
#[derive(Clone)]
pub(super) enum Patience {
    /// Until there is an answer or the node's log stops.
    UntilDone,
    /// Also not beyond the sender's stop: what is proposed is asked for anew at the next start.
    UntilStop(watch::Receiver<bool>),
}

/// An answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The answer.
    pub outcome: Outcome,
    /// Whether an earlier try is without an answer and may yet be applied.
    pub repeated: bool,
}

/// Proposes to one group.
pub(super) struct Proposer {
    shared: Arc<Shared>,
    group: GroupId,
    patience: Patience,
}

impl Proposer {
    pub fn new(shared: &Arc<Shared>, group: GroupId, patience: Patience) -> Proposer {
        Proposer { shared: Arc::clone(shared), group, patience }
    }

    /// Proposes until there is an answer; nothing when the node stops or the command can't be proposed at all.
    pub async fn propose(&self, command: &Command) -> Option<Answer> {
        let mut repeated = false;
        for attempt in 1.. {
            let proposal = Proposal { request: None, command: command.clone() };
            let deadline = self.shared.config.limits.proposal_deadline;
            let error = match self.shared.ports.log.propose(self.group, vec![proposal], deadline).await {
                Ok(applied) => {
                    let outcome = applied.outcomes.into_iter().next()?;
                    return Some(Answer { outcome, repeated });
                }
                Err(error) => error,
            };
            repeated |= matches!(error, LogError::Unknown { .. });
            if !self.goes_on(command, &error) || self.rest(attempt, &error).await.is_none() {
                return None;
            }
        }
        None
    }

    fn goes_on(&self, command: &Command, error: &LogError) -> bool {
        let (group, command) = (self.group, command.name());
        metrics::counter!("signalbox_sender_proposals_repeated_total", "command" => command).increment(1);
        match error {
            LogError::Stopping | LogError::TooLarge { .. } | LogError::Invalid { .. } => {
                tracing::warn!(%group, command, %error, "proposal given up");
                false
            }
            LogError::NoLeader { .. }
            | LogError::Overloaded { .. }
            | LogError::Unknown { .. }
            | LogError::Broken { .. } => {
                tracing::debug!(%group, command, %error, "proposal retried");
                true
            }
        }
    }

    /// Waits before the next try; nothing when there is none.
    async fn rest(&self, attempt: u32, error: &LogError) -> Option<()> {
        let asked = match error {
            LogError::Overloaded { retry_after } => Some(*retry_after),
            _ => None,
        };
        let wait = TRIES.wait(attempt, self.shared.ports.random.next_u64(), asked);
        match &self.patience {
            Patience::UntilDone => tokio::time::sleep(wait).await,
            Patience::UntilStop(stop) => {
                let mut stop = stop.clone();
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stop.wait_for(|stopping| *stopping) => return None,
                }
            }
        }
        Some(())
    }
}
