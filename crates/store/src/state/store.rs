//! The states of a node's groups: where writes, views and snapshots begin, and what is known to be on the disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use model::id::GroupId;

use super::applied::{AppliedRow, installed_key, read_applied};
use super::commit::Commit;
use super::install::{self, Installer};
use super::overlays::Overlays;
use super::snapshot::SnapshotReader;
use super::view::GroupView;
use crate::engine::{Engine, FaultListener};
use crate::error::{EngineError, StoreError};
use crate::groups::groups;

/// How many rows of each table whose rows are kept between writes a node keeps at most, over all groups; a message has
/// two, of about half a KiB each.
const ROWS_KEPT_MAX: usize = 16_384;

/// The states of all groups of a node. Clones are the same states.
#[derive(Clone)]
pub struct StateStore {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<dyn Engine>,
    groups: Mutex<BTreeMap<GroupId, GroupState>>,
    /// Held during a flush, so that what is known to be flushed never goes back.
    flushing: Mutex<()>,
}

/// What is kept in memory of a group.
#[derive(Default)]
struct GroupState {
    applied: AppliedRow,
    /// The applied row as of the last flush.
    flushed: AppliedRow,
    /// The rows of before, while a snapshot replaces them.
    replaced: Option<Arc<GroupView>>,
    /// Rows as they are after `applied`, for the next write.
    overlays: Overlays,
}

impl StateStore {
    /// Opens the states that an engine holds. Where the replacement of a group by a snapshot was cut off, it is brought
    /// to its end if it was decided, and else forgotten.
    ///
    /// # Errors
    /// When the disk fails, or a row that the store keeps about a group is malformed.
    pub fn open(engine: Arc<dyn Engine>) -> Result<StateStore, StoreError> {
        let mut found = BTreeMap::new();
        for group in groups(&*engine)? {
            install::resume(&*engine, group)?;
            let applied = read_applied(&*engine, group)?;
            if applied.last.is_none() {
                return Err(StoreError::Malformed { group, what: "state without an applied row" });
            }
            found.insert(group, GroupState { flushed: applied.clone(), applied, ..GroupState::default() });
        }
        engine.discard_staged()?;
        let (groups, flushing) = (Mutex::new(found), Mutex::new(()));
        Ok(StateStore { shared: Arc::new(Shared { engine, groups, flushing }) })
    }

    /// Returns how far a group's state got.
    pub fn applied(&self, group: GroupId) -> AppliedRow {
        self.groups().get(&group).map(|state| state.applied.clone()).unwrap_or_default()
    }

    /// Returns the log id of the last entry that was in the snapshot that began a group's state here; nothing when none
    /// was put in place.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn installed(&self, group: GroupId) -> Result<Option<Bytes>, EngineError> {
        Ok(self.shared.engine.get(&installed_key(group))?.map(Bytes::from))
    }

    /// Returns how far a group's state had got at the last flush: what a crash leaves at least. Log entries after it
    /// must be kept.
    pub fn last_flushed(&self, group: GroupId) -> AppliedRow {
        self.groups().get(&group).map(|state| state.flushed.clone()).unwrap_or_default()
    }

    /// Returns how far the group's state got, and takes what the last write left in memory, for the next one.
    pub(super) fn take_for_write(&self, group: GroupId) -> (AppliedRow, Overlays) {
        match self.groups().get_mut(&group) {
            Some(state) => (state.applied.clone(), std::mem::take(&mut state.overlays)),
            None => Default::default(),
        }
    }

    /// Returns a view of a group's tables as they are now.
    pub fn view(&self, group: GroupId) -> Arc<GroupView> {
        let groups = self.groups();
        match groups.get(&group).and_then(|state| state.replaced.clone()) {
            Some(replaced) => replaced,
            None => Arc::new(GroupView::over(self.shared.engine.view(), group)),
        }
    }

    /// Makes the states of all groups durable, as they are now or later.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn flush(&self) -> Result<(), EngineError> {
        let _one_at_a_time = self.shared.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<(GroupId, AppliedRow, Overlays)> = self
            .groups()
            .iter_mut()
            .map(|(group, state)| (*group, state.applied.clone(), std::mem::take(&mut state.overlays)))
            .collect();
        self.shared.engine.sync()?;
        let mut groups = self.groups();
        for (group, applied, _) in before {
            if let Some(state) = groups.get_mut(&group).filter(|state| state.replaced.is_none()) {
                state.flushed = applied;
            }
        }
        Ok(())
    }

    /// Begins to read a snapshot of a group as it is now.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn snapshot(&self, group: GroupId) -> Result<SnapshotReader, StoreError> {
        SnapshotReader::new(self.view(group))
    }

    /// Begins to take in a snapshot of a group that had got as far as `applied`.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn install(&self, group: GroupId, applied: AppliedRow) -> Result<Installer, StoreError> {
        Installer::new(self.clone(), Arc::clone(&self.shared.engine), group, applied)
    }

    /// Tells `listener` of every failure of the disk, whoever meets it. Only the first listener counts.
    pub fn on_fault(&self, listener: FaultListener) {
        self.shared.engine.on_fault(listener);
    }

    /// Returns about how many bytes the states use.
    pub fn approximate_bytes(&self) -> u64 {
        self.shared.engine.approximate_bytes()
    }

    pub(super) fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let Commit { group, begun, applied, batch, mut overlays } = commit;
        self.invariant_only_writer(group, &begun)?;
        self.shared.engine.write(&batch)?;
        // The row changes only after the batch is written: a flush that begins now must not count it before.
        self.invariant_only_writer(group, &begun)?;
        let groups_len = self.groups().len().max(1);
        overlays.stored(ROWS_KEPT_MAX / groups_len);
        let mut groups = self.groups();
        let state = groups.entry(group).or_default();
        (state.applied, state.overlays) = (applied, overlays);
        Ok(())
    }

    pub(super) fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.shared.engine)
    }

    pub(super) fn begin_replacing(&self, group: GroupId) {
        let view = self.view(group);
        self.groups().entry(group).or_default().replaced = Some(view);
    }

    pub(super) fn end_replacing(&self, group: GroupId, applied: AppliedRow) {
        let state = GroupState { flushed: applied.clone(), applied, ..GroupState::default() };
        self.groups().insert(group, state);
    }

    /// The group is as it was when the write began, and no snapshot replaces it.
    fn invariant_only_writer(&self, group: GroupId, begun: &AppliedRow) -> Result<(), StoreError> {
        let groups = self.groups();
        let same = match groups.get(&group) {
            Some(state) => state.applied == *begun && state.replaced.is_none(),
            None => *begun == AppliedRow::default(),
        };
        if same { Ok(()) } else { Err(StoreError::Overtaken { group }) }
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<GroupId, GroupState>> {
        self.shared.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
