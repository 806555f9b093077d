//! What this node's earlier incarnations had claimed, at its start (rule R13): what certainly didn't begin waits again, the
//! rest is held. Nothing is claimed before that is done.

use std::sync::Arc;
use std::time::Duration;

use model::command::{CHUNK_MAX, Command};
use model::message::{Claim, Status};
use model::{GroupId, Incarnation, MessageId, NodeId, Outcome, Refusal};
use registry::tables::{Claims, ProgressOf, RowAccess, TableError, View};
use tokio::sync::watch;

use super::propose::{Patience, Proposer};
use super::{Done, Partition};
use crate::journal::Begun;
use crate::shared::Shared;

/// How often the claims are looked at, when no replica answers, and how long each look may take. What can't be read is
/// held.
const LOOKS_MAX: usize = 5;
const LOOK_DEADLINE: Duration = Duration::from_secs(5);

/// See the module's text.
struct Earlier {
    shared: Arc<Shared>,
    group: GroupId,
    stop: watch::Receiver<bool>,
}

/// A page of claims in the order of the table: those that certainly didn't begin, and where the next page begins.
#[derive(Debug, Clone, Default)]
struct Page {
    unbegun: Vec<(Incarnation, MessageId)>,
    next: Option<(NodeId, Incarnation, MessageId)>,
}

/// Why the claims of earlier incarnations are not dealt with.
enum NotDone {
    /// The node is stopping, or the journal failed, which stops it.
    Stopping,
    /// The group knows a later incarnation.
    Outdated(Incarnation),
}

impl Partition {
    /// Deals with the claims of this node's earlier incarnations.
    pub(super) fn begin_incarnation(&mut self) {
        let earlier = Earlier { shared: Arc::clone(&self.shared), group: self.group, stop: self.stop.clone() };
        self.work.spawn(async move {
            match earlier.end().await {
                Ok(()) | Err(NotDone::Stopping) => Done::BeginIncarnation,
                Err(NotDone::Outdated(known)) => Done::Outdated(known),
            }
        });
    }
}

impl Earlier {
    async fn end(&self) -> Result<(), NotDone> {
        // First they claim nothing any more, so that what is read then is all there is.
        let mut more = self.begin(0).await?;
        if more {
            self.give_back_unbegun().await?;
        }
        while more {
            more = self.begin(CHUNK_MAX).await?;
        }
        let incarnation = self.shared.config.incarnation;
        self.shared.ports.journal.announce(self.group, incarnation).map_err(|_remembered| NotDone::Stopping)
    }

    /// Says that this incarnation began, and that so many claims of earlier ones are to be held; whether there are more.
    async fn begin(&self, limit: u32) -> Result<bool, NotDone> {
        let (node, incarnation) = (self.shared.config.node, self.shared.config.incarnation);
        match self.propose(&Command::BeginIncarnation { node, incarnation, limit }).await? {
            Outcome::Chunk { more, .. } => Ok(more),
            Outcome::Refused(Refusal::IncarnationOutdated { known }) => Err(NotDone::Outdated(known)),
            _ => Ok(false),
        }
    }

    async fn propose(&self, command: &Command) -> Result<Outcome, NotDone> {
        let proposer = Proposer::new(&self.shared, self.group, Patience::UntilStop(self.stop.clone()));
        proposer.propose(command).await.map(|answer| answer.outcome).ok_or(NotDone::Stopping)
    }

    async fn give_back_unbegun(&self) -> Result<(), NotDone> {
        let mut from = Some((self.shared.config.node, Incarnation(0), MessageId(0)));
        let mut given_back = 0;
        while let Some(first) = from {
            let page = self.look(first).await;
            for claims in page.unbegun.chunk_by(|left, right| left.0 == right.0) {
                let claim = Claim { node: self.shared.config.node, incarnation: claims[0].0 };
                let messages: Vec<MessageId> = claims.iter().map(|(_, message)| *message).collect();
                given_back += messages.len();
                self.propose(&Command::ReleaseClaims { claim, messages }).await?;
            }
            from = page.next;
        }
        tracing::info!(group = %self.group, given_back, "claims of earlier incarnations that did not begin given back");
        Ok(())
    }

    async fn look(&self, first: (NodeId, Incarnation, MessageId)) -> Page {
        for _ in 0..LOOKS_MAX {
            let mut page = Ok(Page::default());
            let mut look = |view: &dyn View| page = self.page(view, first);
            let looked = self.shared.ports.reads.look(self.group, LOOK_DEADLINE, &mut look).await;
            match (looked, page) {
                (Ok(_), Ok(page)) => return page,
                (Ok(_), Err(error)) => {
                    tracing::warn!(group = %self.group, %error, "claims of earlier incarnations not read")
                }
                (Err(error), _) => {
                    tracing::warn!(group = %self.group, %error, "claims of earlier incarnations not read")
                }
            }
            if *self.stop.borrow() {
                break;
            }
        }
        Page::default()
    }

    fn page(&self, view: &dyn View, first: (NodeId, Incarnation, MessageId)) -> Result<Page, TableError> {
        let (node, incarnation) = (self.shared.config.node, self.shared.config.incarnation);
        let limit = CHUNK_MAX as usize;
        let mut rows = view.rows_while::<Claims>(&first, limit + 1, |key| key.0 == node && key.1 < incarnation)?;
        let next = rows.get(limit).map(|(key, ())| *key);
        rows.truncate(limit);
        let mut unbegun = Vec::new();
        for ((_, claimed_in, message), ()) in rows {
            let progress = view.promised_row::<ProgressOf>(&message)?;
            // A held one counts the dispatch that it was claimed for.
            let attempt = if progress.status == Status::Held { progress.attempts } else { progress.attempts + 1 };
            if self.shared.ports.journal.is_unbegun(claimed_in, Begun { message, attempt }) {
                unbegun.push((claimed_in, message));
            }
        }
        Ok(Page { unbegun, next })
    }
}
