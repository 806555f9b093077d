//! What listeners can ask for. Each use case validates nothing that the listener's parser proved, reads the region's
//! replicas, proposes commands, and answers when the promise it makes holds.

mod accounting;
mod apps;
mod endpoints;
mod messages;
mod opt_out_lists;
mod opt_outs;
pub mod recording;
mod send;
mod traffic;
mod variables;
mod version;

pub use ::traffic::planning::Override;
pub use apps::{CreateApp, PutChannel};
pub use endpoints::{EndpointWithUser, ReadMode, UpsertEndpointRequest};
pub use messages::{EventPage, MessageReport};
pub use opt_out_lists::ListedOptOutKey;
pub use opt_outs::OptOutKey;
pub use send::{SendAnswer, SendOutcome, SendRequest, SendTarget, To};
pub use traffic::{PlanAnswer, PlanMove, PlanRequest};
pub use version::{HEARD_MAX, VersionRaise};

use std::sync::Arc;
use std::time::Duration;

use model::command::{Command, Proposal};
use model::id::{GroupId, LogIndex, NodeId, RegionId, RequestId};
use model::outcome::Outcome;
use registry::tables::{FollowUps, ReadRows, View};

use crate::error::{ErrorCode, ServiceError};
use crate::ports::{Applied, Clock, Destinations, GroupTime, Neighbours, Random, Reads, ReadsError, ReplicatedLog};

/// How long a request waits for the log before it says that the outcome is unknown. Longer than a failover (P6: 3 s).
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(8);

/// How long one read may take, where it is another node's.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// How long an acknowledgement that needs fences may take: an election, a lapse W, and a margin.
pub const FENCED_DEADLINE: Duration = Duration::from_secs(10);

/// The largest number of rows that one page of a list holds.
pub const PAGE_MAX: usize = 1_000;

/// What a node knows of itself and its cluster; never changes while it runs.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Facts {
    pub node: NodeId,
    pub region: RegionId,
    /// The number of partitions, fixed when the cluster was made.
    pub partitions: u16,
}

/// The use cases of one node. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    facts: Arc<Facts>,
    log: Arc<dyn ReplicatedLog>,
    reads: Arc<dyn Reads>,
    time: Arc<dyn GroupTime>,
    neighbours: Arc<dyn Neighbours>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    destinations: Arc<dyn Destinations>,
}

/// The ports that the use cases need.
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Ports {
    pub log: Arc<dyn ReplicatedLog>,
    pub reads: Arc<dyn Reads>,
    pub time: Arc<dyn GroupTime>,
    pub neighbours: Arc<dyn Neighbours>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub destinations: Arc<dyn Destinations>,
}

impl Service {
    /// Builds the use cases over their ports.
    pub fn new(facts: Facts, ports: Ports) -> Service {
        let Ports { log, reads, time, neighbours, clock, random, destinations } = ports;
        Service { facts: Arc::new(facts), log, reads, time, neighbours, clock, random, destinations }
    }

    /// Returns what the node knows of itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns the wall clock that signatures and answers go by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Draws a request id.
    pub fn new_request_id(&self) -> RequestId {
        RequestId(self.random.next_u128())
    }

    /// Reads one moment of a group's state; `look` may be called several times ([`Look`]).
    async fn read<T: Send>(
        &self,
        group: GroupId,
        look: impl FnMut(&dyn View) -> Result<T, ServiceError> + Send,
    ) -> Result<T, ServiceError> {
        let (found, _) = self.read_at(group, look).await.map_err(reads_error)?;
        found
    }

    /// Reads as [`read`](Service::read), and says which index is applied in what was read.
    async fn read_at<T: Send>(
        &self,
        group: GroupId,
        mut look: impl FnMut(&dyn View) -> T + Send,
    ) -> Result<(T, LogIndex), ReadsError> {
        let mut found = None;
        let applied = self.reads.look(group, READ_DEADLINE, &mut |view| found = Some(look(view))).await?;
        let missing = || ReadsError::NotReached { group, detail: "nothing was read".to_owned() };
        Ok((found.ok_or_else(missing)?, applied))
    }

    async fn propose(&self, group: GroupId, command: Command) -> Result<Outcome, ServiceError> {
        let proposal = vec![Proposal { request: None, command }];
        only(self.log.propose(group, proposal, REQUEST_DEADLINE).await?)
    }

    async fn propose_fenced(&self, group: GroupId, command: Command) -> Result<Outcome, ServiceError> {
        let proposal = vec![Proposal { request: None, command }];
        only(self.log.propose_fenced(group, proposal, FENCED_DEADLINE).await?)
    }

    /// Waits until other groups acknowledged the follow-ups of a change: their rows are then gone from this node's
    /// replica of the group that queued them.
    async fn follow_ups_done(&self, source: GroupId, follow_ups: &[(GroupId, u64)]) -> Result<(), ServiceError> {
        let started = self.clock.boot_time();
        loop {
            let waits = |view: &dyn View| {
                let mut rows = follow_ups.iter().map(|follow_up| ReadRows::<FollowUps>::get(view, follow_up));
                rows.try_fold(false, |waiting, row| row.map(|row| waiting | row.is_some()))
            };
            let (waiting, applied) = self.read_at(source, waits).await.map_err(change_made)?;
            let waiting = waiting?;
            let left = FENCED_DEADLINE.saturating_sub(self.clock.boot_time().since(started));
            if !waiting {
                return Ok(());
            }
            self.reads.applied_after(source, applied, left).await.map_err(change_made)?;
        }
    }
}

fn reads_error(error: ReadsError) -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, error.to_string())
}

/// What can't be read after a change is not known to be acknowledged everywhere, but the change was made.
fn change_made(error: ReadsError) -> ServiceError {
    let text = match error {
        ReadsError::TooLate { .. } => "not every partition has acknowledged it yet".to_owned(),
        ReadsError::NotHere(_) | ReadsError::NotReached { .. } => error.to_string(),
    };
    ServiceError::new(ErrorCode::Unknown, format!("the change was made, but {text}; repeat the request to wait on"))
}

/// Takes the single answer of a single proposal.
/// Returns what was put where reading it again finds nothing any more; any other error stays.
fn found_or<T>(error: ServiceError, put: T) -> Result<T, ServiceError> {
    match error.code {
        ErrorCode::NotFound => Ok(put),
        _ => Err(error),
    }
}

fn only(applied: Applied) -> Result<Outcome, ServiceError> {
    match applied.outcomes.into_iter().next() {
        Some(Outcome::Refused(refusal)) => Err(refusal.into()),
        Some(outcome) => Ok(outcome),
        None => Err(unexpected("no answer")),
    }
}

/// An answer of the wrong kind: a fault of ours, never of the caller.
fn unexpected(what: &str) -> ServiceError {
    ServiceError::new(ErrorCode::Internal, format!("the state machine answered with {what}"))
}
