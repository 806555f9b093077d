//! Rows of a replica here, for a node that has none.

use std::time::Duration;

use bytes::Bytes;
use model::id::GroupId;
use store::engine::{EngineView, Range};
use tonic::Status;
use wire::peer::{ReadReply, ReadRequest, Row, RowRange, RowValue, RowsFound};

use crate::node::shared::Node;
use crate::peers::channels::MESSAGE_BYTES_MAX;
use crate::raft::codec;
use crate::reads::current;

/// The longest wait for an index, whatever the caller says.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The most rows that are asked for one by one, and the most stretches.
const KEYS_MAX: usize = 4_096;
const STRETCHES_MAX: usize = 64;
/// The most rows of one stretch: more than a page of any list.
const ROWS_MAX: u64 = 4_096;
/// The most bytes of an answer, with room for what is around the rows.
const BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2;

/// Waits until the index is applied and answers with rows of one moment.
pub(crate) async fn answer(node: &Node, request: ReadRequest) -> Result<ReadReply, Status> {
    let id = codec::group(request.group).map_err(|error| Status::invalid_argument(error.to_string()))?;
    check(id, &request)?;
    let group =
        node.group(id).ok_or_else(|| Status::not_found(format!("node {} holds no replica of group {id}", node.id)))?;
    let wait = Duration::from_millis(request.wait_ms).min(WAIT_MAX);
    let behind = |_| Status::unavailable(format!("group {id} has not caught up on node {} since its start", node.id));
    current::catch_up(node, id, wait).await.map_err(behind)?;
    let mut applied = group.announcer.watch();
    let reached = applied.wait_for(|applied| applied.0 >= request.applied);
    if !matches!(tokio::time::timeout(wait, reached).await, Ok(Ok(_))) {
        return Err(Status::deadline_exceeded(format!("index {} is not applied yet", request.applied)));
    }
    let applied = group.announcer.last().0;
    let view = node.state.view(id);
    let mut room = Room(BYTES_MAX);
    let values = request.keys.iter().map(|key| value(view.engine(), key, &mut room)).collect::<Result<_, _>>()?;
    let ranges = request.ranges.iter().map(|range| rows(view.engine(), range, &mut room)).collect::<Result<_, _>>()?;
    Ok(ReadReply { applied, values, ranges })
}

/// Refuses what is too much, or is not the group's.
fn check(group: GroupId, request: &ReadRequest) -> Result<(), Status> {
    let own = store::keys::group_prefix(group);
    let stretches = request.ranges.iter();
    let foreign = request.keys.iter().any(|key| !key.starts_with(&own))
        || stretches.clone().any(|range| !range.from.starts_with(&own) || !range.to.starts_with(&own));
    let too_much = request.keys.len() > KEYS_MAX
        || stretches.len() > STRETCHES_MAX
        || stretches.clone().any(|range| range.limit > ROWS_MAX);
    match (foreign, too_much) {
        (true, _) => Err(Status::invalid_argument("a key is not the group's")),
        (_, true) => Err(Status::invalid_argument("too many rows in one read")),
        (false, false) => Ok(()),
    }
}

/// The bytes that an answer may still grow by.
struct Room(usize);

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), Status> {
        let left = self.0.checked_sub(bytes);
        self.0 = left.ok_or_else(|| Status::resource_exhausted(format!("the rows have over {BYTES_MAX} bytes")))?;
        Ok(())
    }
}

fn value(view: &dyn EngineView, key: &[u8], room: &mut Room) -> Result<RowValue, Status> {
    let value = view.get(key).map_err(unreadable)?;
    room.take(value.as_ref().map_or(0, Vec::len))?;
    Ok(RowValue { value: value.map(Bytes::from) })
}

fn rows(view: &dyn EngineView, range: &RowRange, room: &mut Room) -> Result<RowsFound, Status> {
    let limit = usize::try_from(range.limit).unwrap_or(usize::MAX);
    let stretch = Range { from: &range.from, to: &range.to, limit, bytes_max: usize::MAX };
    let rows = view.scan(stretch).map_err(unreadable)?;
    room.take(rows.iter().map(|(key, value)| key.len() + value.len()).sum())?;
    Ok(RowsFound { rows: rows.into_iter().map(|(key, value)| Row { key: key.into(), value: value.into() }).collect() })
}

/// The node itself is told by its engine, with file and remedy.
fn unreadable(_: store::EngineError) -> Status {
    Status::unavailable("the node's storage failed")
}
