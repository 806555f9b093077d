//! Which groups an engine holds anything of. Keys of both engines begin with the group.

use model::id::GroupId;

use crate::engine::{EngineView, Range};
use crate::error::EngineError;
use crate::keys::group_prefix;

/// Lists the groups that have any row.
pub(crate) fn groups(engine: &dyn EngineView) -> Result<Vec<GroupId>, EngineError> {
    let mut found = Vec::new();
    let mut from = group_prefix(GroupId(0));
    let to = [u8::MAX; 4];
    loop {
        let rows = engine.scan(Range { from: &from, to: &to, limit: 1, bytes_max: usize::MAX })?;
        let Some(group) = rows.first().and_then(|(key, _)| key.first_chunk::<2>()).map(|id| u16::from_be_bytes(*id))
        else {
            return Ok(found);
        };
        found.push(GroupId(group));
        match group.checked_add(1) {
            Some(next) => from = group_prefix(GroupId(next)),
            None => return Ok(found),
        }
    }
}
