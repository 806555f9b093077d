//! What applying entries tells the rest of the node: how far it got, and what there is to act on. Hints only: whoever
//! missed some is told, and rescans the tables.

use std::sync::Arc;

use model::id::LogIndex;
use registry::Effect;
use tokio::sync::{broadcast, watch};

/// How many applied batches a slow subscriber may be behind before it must rescan.
pub const EFFECTS_KEPT: usize = 1024;

/// What a batch of entries of one group left to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedEffects {
    /// The last entry of the batch.
    pub index: LogIndex,
    /// In the order in which they happened.
    pub effects: Vec<Effect>,
}

/// The next news of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectNews {
    /// Entries were applied.
    Applied(Arc<AppliedEffects>),
    /// Some effects were missed, or a snapshot replaced the state: the tables must be scanned anew.
    Missed,
}

/// The news of one group, from the moment of subscription on.
pub struct EffectStream(broadcast::Receiver<EffectNews>);

impl EffectStream {
    /// Waits for the next news; nothing when the node stops.
    pub async fn next(&mut self) -> Option<EffectNews> {
        match self.0.recv().await {
            Ok(news) => Some(news),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(EffectNews::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The sending side, one per group.
pub(crate) struct Announcer {
    applied: watch::Sender<LogIndex>,
    effects: broadcast::Sender<EffectNews>,
}

impl Announcer {
    pub(crate) fn new(applied: LogIndex) -> Announcer {
        Announcer { applied: watch::Sender::new(applied), effects: broadcast::Sender::new(EFFECTS_KEPT) }
    }

    /// Announces that everything up to `index` is applied.
    pub(crate) fn applied(&self, index: LogIndex, effects: Vec<Effect>) {
        if !effects.is_empty() {
            // Without subscribers there is nobody to tell.
            let _ = self.effects.send(EffectNews::Applied(Arc::new(AppliedEffects { index, effects })));
        }
        self.applied.send_replace(index);
    }

    /// Announces that a snapshot replaced the state.
    pub(crate) fn replaced(&self, index: LogIndex) {
        let _ = self.effects.send(EffectNews::Missed);
        self.applied.send_replace(index);
    }

    /// Returns what is applied, to be watched.
    pub(crate) fn watch(&self) -> watch::Receiver<LogIndex> {
        self.applied.subscribe()
    }

    /// Returns what is applied.
    pub(crate) fn last(&self) -> LogIndex {
        *self.applied.borrow()
    }

    pub(crate) fn subscribe(&self) -> EffectStream {
        EffectStream(self.effects.subscribe())
    }
}
