//! Merges the heartbeats that one node sends to another for all its groups into one call.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use wire::peer::{AppendReply, AppendRequest, HeartbeatRequest};

use crate::peers::introduction::PeerCalls;

/// How long the first heartbeat of a call waits for others.
const MERGE: Duration = Duration::from_millis(2);
/// The most heartbeats that wait for a call: each group has at most one or two under way.
const WAITING_MAX: usize = 1024;
/// The most heartbeats in one call.
const MERGED_MAX: usize = 1024;
/// The most calls under way to one node. When that many are unanswered, the node hears nothing anyway.
const CALLS_MAX: usize = 32;
/// After how long a call is given up; openraft gives up the single heartbeat earlier.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// A heartbeat and who waits for its answer.
type PendingAppend = (AppendRequest, oneshot::Sender<AppendReply>);

/// Why a heartbeat was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeartbeatError {
    /// Too many heartbeats wait for the node.
    #[error("too many heartbeats wait")]
    Full,
    /// The call failed.
    #[error("the call failed")]
    Failed,
}

/// Where heartbeats to one node are handed in. The task behind it ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Heartbeats(mpsc::Sender<PendingAppend>);

impl Heartbeats {
    /// Starts the task that merges.
    pub(crate) fn start(client: PeerCalls) -> Heartbeats {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(client, receiver));
        Heartbeats(sender)
    }

    /// Sends a heartbeat and waits for its answer.
    pub(crate) async fn send(&self, heartbeat: AppendRequest) -> Result<AppendReply, HeartbeatError> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send((heartbeat, answer)).map_err(|_| HeartbeatError::Full)?;
        answered.await.map_err(|_| HeartbeatError::Failed)
    }
}

async fn run(client: PeerCalls, mut waiting: mpsc::Receiver<PendingAppend>) {
    let mut calls = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(()) = calls.next(), if !calls.is_empty() => {}
            first = waiting.recv(), if calls.len() < CALLS_MAX => {
                let Some(first) = first else { return };
                let merged = merge(first, &mut waiting).await;
                calls.push(call(client.clone(), merged));
            }
        }
    }
}

async fn merge(first: PendingAppend, waiting: &mut mpsc::Receiver<PendingAppend>) -> Vec<PendingAppend> {
    let mut merged = vec![first];
    let end = tokio::time::Instant::now() + MERGE;
    while merged.len() < MERGED_MAX {
        match tokio::time::timeout_at(end, waiting.recv()).await {
            Ok(Some(next)) => merged.push(next),
            Ok(None) | Err(_) => break,
        }
    }
    merged
}

async fn call(mut client: PeerCalls, merged: Vec<PendingAppend>) {
    let (heartbeats, answers): (Vec<AppendRequest>, Vec<oneshot::Sender<AppendReply>>) = merged.into_iter().unzip();
    let count = heartbeats.len();
    let called = tokio::time::timeout(CALL_TIMEOUT, client.heartbeat(HeartbeatRequest { heartbeats })).await;
    match called {
        Ok(Ok(reply)) => {
            for (answer, reply) in answers.into_iter().zip(reply.into_inner().replies) {
                // Whoever gave up meanwhile needs no answer.
                let _ = answer.send(reply);
            }
            metrics::counter!("signalbox_heartbeats_sent_total").increment(count as u64);
        }
        Ok(Err(status)) => tracing::debug!(code = ?status.code(), count, "heartbeats failed"),
        Err(_) => tracing::debug!(count, "heartbeats timed out"),
    }
}
