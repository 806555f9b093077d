//! One round of syncing: everything that waits, from all groups, in one batch and one sync.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use bytes::Bytes;
use model::id::GroupId;

use super::meta_row::MetaRow;
use super::queue::Op;
use super::rows::{ROUND_KEY, meta_key};
use super::store::LogStore;
use crate::batch::Batch;
use crate::error::EngineError;

/// What a round makes durable.
struct Round {
    ops: Vec<Op>,
    committed: Vec<(GroupId, Bytes)>,
}

impl LogStore {
    /// Makes everything durable that waits, calls the callbacks in the order of their requests, and returns the number
    /// of changes; 0 when nothing waited. Only one round runs at a time; what arrives meanwhile waits for the next.
    ///
    /// # Errors
    /// When the disk is full or fails, now or in an earlier round. Everybody who waited was told.
    pub fn sync_pending(&self) -> Result<usize, EngineError> {
        self.run_round(|round| !round.ops.is_empty())
    }

    /// Like [`sync_pending`](LogStore::sync_pending), and takes along what is not urgent. For the end of a node.
    ///
    /// # Errors
    /// As [`sync_pending`](LogStore::sync_pending).
    pub fn sync_all(&self) -> Result<usize, EngineError> {
        let changes = self.run_round(|round| !round.ops.is_empty() || !round.committed.is_empty())?;
        self.shared.mark.as_ref().map_or(Ok(()), |mark| mark.sync())?;
        Ok(changes)
    }

    fn run_round(&self, due: impl Fn(&Round) -> bool) -> Result<usize, EngineError> {
        let mut number = self.shared.round.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(round) = self.begin_round(due)? else { return Ok(0) };
        match self.write_round(&round, *number + 1) {
            Ok(()) => {
                *number += 1;
                Ok(self.end_round(round))
            }
            Err(error) => {
                self.fail(round, &error);
                Err(error)
            }
        }
    }

    /// Makes a round durable, and then notes that it is.
    fn write_round(&self, round: &Round, number: u64) -> Result<(), EngineError> {
        let mut batch = round.batch();
        batch.put(ROUND_KEY, Bytes::copy_from_slice(&number.to_be_bytes()));
        self.shared.engine.write(&batch)?;
        self.shared.engine.sync()?;
        self.shared.mark.as_ref().map_or(Ok(()), |mark| mark.write(number))
    }

    /// Takes what waits, if a round is due.
    fn begin_round(&self, due: impl Fn(&Round) -> bool) -> Result<Option<Round>, EngineError> {
        let mut state = self.state();
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        let waits = |(group, log): (&GroupId, &super::group::GroupLog)| {
            log.committed_waits().then(|| log.meta(MetaRow::Committed).map(|bytes| (*group, bytes))).flatten()
        };
        let committed = state.groups.iter().filter_map(waits).collect();
        let round = Round { ops: state.queue.take(), committed };
        if !due(&round) {
            return Ok(None);
        }
        for log in state.groups.values_mut() {
            log.begin_round();
        }
        Ok(Some(round))
    }

    fn end_round(&self, round: Round) -> usize {
        let ends: BTreeMap<GroupId, u64> = round.ops.iter().filter_map(Op::end).collect();
        {
            let mut state = self.state();
            for (group, end) in ends {
                state.group(group).end_round(end);
            }
        }
        let count = round.ops.len() + round.committed.len();
        for synced in round.ops.into_iter().filter_map(Op::synced) {
            synced(Ok(()));
        }
        count
    }

    /// Ends the taking of records, and tells everybody who waits.
    fn fail(&self, round: Round, error: &EngineError) {
        let later = {
            let mut state = self.state();
            state.failed = Some(error.clone());
            state.queue.take()
        };
        for synced in round.ops.into_iter().chain(later).filter_map(Op::synced) {
            synced(Err(error.clone()));
        }
    }
}

impl Round {
    fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        for op in &self.ops {
            op.write(&mut batch);
        }
        for (group, bytes) in &self.committed {
            batch.put(meta_key(*group, MetaRow::Committed), bytes.clone());
        }
        batch
    }
}
