//! Reading a group that has no replica on this node, from one that has.
//!
//! Use cases read tables as if they were here. So the rows that a look misses are noted and fetched, and it is taken
//! again: each round fetches all rows that are known to be needed, of one moment of one replica, until a look misses
//! nothing. What the last look saw is consistent, and no use case knows of any of this.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::cluster::placement;
use model::id::{GroupId, LogIndex, NodeId};
use service::ports::{Look, ReadsError};
use store::engine::{EngineView, Range, Row};
use store::{EngineError, GroupView};
use tokio::time::Instant;
use tonic::{Code, Status};
use tracing::Instrument as _;
use wire::peer::{ReadReply, ReadRequest, RowRange};

use crate::node::shared::Node;

/// The most rounds of one look: the longest chain of rows that lead to each other, and room.
const ROUNDS_MAX: usize = 16;
/// How long one node may take before another is asked.
const ATTEMPT_MAX: Duration = Duration::from_secs(1);
/// What a call may take longer than the wait that it asks for.
const MARGIN: Duration = Duration::from_millis(500);

/// A stretch of keys and how many rows of it.
type Stretch = (Vec<u8>, Vec<u8>, usize);

/// Rows that are needed.
#[derive(Default)]
struct Needed {
    keys: BTreeSet<Vec<u8>>,
    stretches: BTreeSet<Stretch>,
}

/// Rows that were fetched, all of one moment.
#[derive(Default)]
struct Fetched {
    values: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    stretches: BTreeMap<Stretch, Vec<Row>>,
    applied: LogIndex,
}

/// Looks at a group elsewhere; returns an index that is applied in what was seen.
pub(crate) async fn look(
    node: &Node,
    group: GroupId,
    due: Instant,
    look: &mut Look<'_>,
) -> Result<LogIndex, ReadsError> {
    let mut needed = Needed::default();
    let mut fetched = Fetched::default();
    for _ in 0..ROUNDS_MAX {
        let applied = fetched.applied;
        let seen = Arc::new(Seen { fetched, missing: Mutex::default() });
        look(&GroupView::over(seen.clone(), group));
        let missing = std::mem::take(&mut *seen.missing());
        if missing.keys.is_empty() && missing.stretches.is_empty() {
            return Ok(applied);
        }
        needed.keys.extend(missing.keys);
        needed.stretches.extend(missing.stretches);
        fetched = fetch(node, group, &needed, due).await?;
    }
    Err(ReadsError::NotReached { group, detail: format!("a read needs more than {ROUNDS_MAX} rounds") })
}

/// Waits until a replica elsewhere has applied something after `index`.
pub(crate) async fn applied_after(
    node: &Node,
    group: GroupId,
    index: LogIndex,
    wait: Duration,
) -> Result<LogIndex, ReadsError> {
    let mut detail = "no node has a replica".to_owned();
    for candidate in candidates(node, group) {
        match call(node, candidate, request(group, LogIndex(index.0 + 1), wait)).await {
            Ok(reply) => return Ok(LogIndex(reply.applied)),
            Err(status) if status.code() == Code::DeadlineExceeded => {
                return Err(ReadsError::TooLate { group, waited: wait });
            }
            Err(status) => detail = status.to_string(),
        }
    }
    Err(ReadsError::NotReached { group, detail })
}

async fn fetch(node: &Node, group: GroupId, needed: &Needed, due: Instant) -> Result<Fetched, ReadsError> {
    let mut detail = "no node has a replica".to_owned();
    for candidate in candidates(node, group) {
        let wait = due.saturating_duration_since(Instant::now()).min(ATTEMPT_MAX);
        if wait.is_zero() {
            break;
        }
        let stretch = |(from, to, limit): &Stretch| RowRange {
            from: from.clone().into(),
            to: to.clone().into(),
            limit: u64::try_from(*limit).unwrap_or(u64::MAX),
        };
        let asked = ReadRequest {
            keys: needed.keys.iter().cloned().map(Bytes::from).collect(),
            ranges: needed.stretches.iter().map(stretch).collect(),
            ..request(group, node.seen(group), wait)
        };
        match call(node, candidate, asked).await.and_then(|reply| needed.answered(reply)) {
            Ok(fetched) => return Ok(fetched),
            Err(status) => detail = status.to_string(),
        }
    }
    Err(ReadsError::NotReached { group, detail })
}

fn request(group: GroupId, from: LogIndex, wait: Duration) -> ReadRequest {
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let (keys, ranges) = (Vec::new(), Vec::new());
    ReadRequest { group: u32::from(group.0), applied: from.0, wait_ms, keys, ranges }
}

async fn call(node: &Node, to: NodeId, request: ReadRequest) -> Result<ReadReply, Status> {
    let mut client = node.peers.get(to).map_err(|error| Status::unavailable(error.to_string()))?.client;
    let span = tracing::debug_span!("read", group = request.group, to = to.0, rows = request.keys.len());
    let patience = Duration::from_millis(request.wait_ms).saturating_add(MARGIN);
    match tokio::time::timeout(patience, client.read(request).instrument(span)).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("node {to} did not answer in {patience:?}"))),
    }
}

/// Lists the nodes that should have a replica: those that were seen lately first, and of them this region's.
fn candidates(node: &Node, group: GroupId) -> Vec<NodeId> {
    let last_seen = node.last_seen.ages(node.now());
    let silent = |id: &NodeId| last_seen.get(id).is_none_or(|age| *age >= node.timing.lapse());
    let mut placed: Vec<_> =
        placement(&node.peers.nodes(), group).into_iter().filter(|(_, id)| *id != node.id).collect();
    placed.sort_by_key(|(region, id)| (silent(id), *region != node.info.region, *id));
    placed.into_iter().map(|(_, id)| id).collect()
}

impl Needed {
    fn answered(&self, reply: ReadReply) -> Result<Fetched, Status> {
        if reply.values.len() != self.keys.len() || reply.ranges.len() != self.stretches.len() {
            return Err(Status::data_loss("the answer is not complete"));
        }
        let rows = |found: wire::peer::RowsFound| {
            found.rows.into_iter().map(|row| (row.key.into(), row.value.into())).collect()
        };
        Ok(Fetched {
            values: self
                .keys
                .iter()
                .cloned()
                .zip(reply.values.into_iter().map(|value| value.value.map(Vec::from)))
                .collect(),
            stretches: self.stretches.iter().cloned().zip(reply.ranges.into_iter().map(rows)).collect(),
            applied: LogIndex(reply.applied),
        })
    }
}

/// What a look sees: fetched rows. What was not fetched seems not to be there, and is noted.
struct Seen {
    fetched: Fetched,
    missing: Mutex<Needed>,
}

impl Seen {
    fn missing(&self) -> MutexGuard<'_, Needed> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EngineView for Seen {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let known = self.fetched.values.get(key).cloned();
        Ok(known.unwrap_or_else(|| {
            self.missing().keys.insert(key.to_vec());
            None
        }))
    }

    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError> {
        let stretch = (range.from.to_vec(), range.to.to_vec(), range.limit);
        let known = self.fetched.stretches.get(&stretch).cloned();
        Ok(known.unwrap_or_else(|| {
            self.missing().stretches.insert(stretch);
            Vec::new()
        }))
    }

    fn last(&self, _from: &[u8], _to: &[u8]) -> Result<Option<Row>, EngineError> {
        let (store, detail) = ("a replica elsewhere".to_owned(), "tables are read by key and in order".to_owned());
        Err(EngineError::Refused { store, detail })
    }
}
