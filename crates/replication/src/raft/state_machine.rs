//! Applies a group's committed entries to its tables, and tells the node. An entry is applied only after this node's
//! own log has synced it: the state has no write-ahead log of its own.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _};
use model::id::{GroupId, LogIndex};
use model::outcome::Outcome;
use model::rows::GroupMeta;
use model::time::Timestamp;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use registry::tables::{Meta, RowAccess as _, TableError, View};
use registry::{ApplyContext, Effect, apply_entry};
use store::{GroupWrite, StateStore};
use tokio::sync::watch;
use wire::with_source;

use crate::lease::group_lease::GroupLease;
use crate::lease::pushes::Pushes;
use crate::node::background::{self, Background};
use crate::node::effects::Announcer;
use crate::node::fatal::Fatal;
use crate::node::version::GroupVersion;
use crate::proposals::own::OwnProposals;
use crate::raft::codec;
use crate::raft::hashes::{Hashes, Round};
use crate::raft::snapshot::{self, Snapshot, SnapshotData, applied_state};
use crate::raft::type_config::{Answers, Entry, EntryBytes, LogId, SnapshotMeta, StoredMembership, TypeConfig};
use crate::time::group::GroupTime;

/// One group's Raft.
pub(crate) type Raft = openraft::Raft<TypeConfig, GroupMachine>;

/// The most entries that are stored at one stroke.
const BATCH_ENTRIES_MAX: usize = 256;
/// The most bytes of entries that are stored at one stroke; one entry is always allowed.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a group's machine works with.
pub(crate) struct MachineParts {
    pub(crate) group: GroupId,
    pub(crate) partitions: u16,
    pub(crate) state: StateStore,
    /// The synced end of the group's log.
    pub(crate) synced: watch::Receiver<u64>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) own: Arc<OwnProposals>,
    pub(crate) hashes: Arc<Hashes>,
    pub(crate) lease: Arc<GroupLease>,
    pub(crate) time: Arc<GroupTime>,
    pub(crate) version: Arc<GroupVersion>,
    pub(crate) pushes: Arc<Pushes>,
    pub(crate) background: Arc<dyn Background>,
    pub(crate) fatal: Fatal,
}

/// One group's state machine.
pub(crate) struct GroupMachine {
    parts: MachineParts,
}

/// An entry with whoever waits for its answer.
type Item = EntryResponder<TypeConfig>;

/// An entry's proposals, as they are in it, and what was answered.
#[derive(Default)]
struct Answered {
    proposals: Vec<Bytes>,
    outcomes: Vec<Outcome>,
}

/// What a batch of entries left.
#[derive(Default)]
struct Applied {
    entries: Vec<(LogIndex, Answered)>,
    effects: Vec<Effect>,
    rounds: Vec<Round>,
    /// The hash after the last entry.
    hash: u64,
    /// The largest stamp.
    stamp: Timestamp,
}

impl GroupMachine {
    pub(crate) fn new(parts: MachineParts) -> GroupMachine {
        GroupMachine { parts }
    }

    /// Waits until this node's log has synced the entry.
    async fn wait_synced(&mut self, index: u64) -> Result<(), io::Error> {
        let fatal = self.parts.fatal.clone();
        let wait = async {
            let synced = self.parts.synced.wait_for(|synced_next| *synced_next > index).await;
            synced.map(|_| ()).map_err(|_| io::Error::other("the log was closed"))
        };
        tokio::select! {
            biased;
            synced = wait => synced,
            reason = fatal.reported() => Err(io::Error::other(reason.to_string())),
        }
    }

    fn apply_batch(&self, batch: Vec<Item>) -> Result<(), io::Error> {
        let Some(last) = batch.last().map(|(entry, _)| entry.log_id.index) else { return Ok(()) };
        let started = batch.len();
        let mut write = self.parts.state.begin(self.parts.group);
        let mut applied = Applied::default();
        let mut responders = Vec::with_capacity(started);
        for (entry, responder) in batch {
            self.apply_entry(&mut write, entry, &mut applied)?;
            responders.push(responder);
        }
        write.commit_sealed().map_err(io::Error::other)?;
        self.parts.hashes.applied(applied.rounds, Round { index: LogIndex(last), hash: applied.hash });
        self.parts.time.applied(applied.stamp);
        for effect in &applied.effects {
            if let Effect::VersionRaised(version) = effect {
                tracing::info!(group = self.parts.group.0, version, "apply version raised");
                self.parts.version.raised(*version);
            }
        }
        // Whoever wrote an entry on this node hears of it by its responder.
        let unheard = responders.iter().zip(&applied.entries).filter(|(responder, _)| responder.is_none());
        for (_, (index, answered)) in unheard {
            self.parts.own.applied(*index, &answered.proposals, &answered.outcomes);
        }
        self.announce(LogIndex(last), applied.effects);
        for (responder, (_, answered)) in responders.into_iter().zip(applied.entries) {
            if let Some(responder) = responder {
                responder.send(Answers(answered.outcomes));
            }
        }
        Ok(())
    }

    fn apply_entry(&self, write: &mut GroupWrite, entry: Entry, applied: &mut Applied) -> Result<(), io::Error> {
        let log_id = codec::encode_log_id(&entry.log_id);
        let index = LogIndex(entry.log_id.index);
        let (answered, membership) = match entry.payload {
            EntryPayload::Blank => (Answered::default(), None),
            EntryPayload::Membership(membership) => {
                let stored = StoredMembership::new(Some(entry.log_id), membership);
                (Answered::default(), Some(codec::encode_stored_membership(&stored)))
            }
            EntryPayload::Normal(commands) => {
                let answered = self.apply_commands(write, commands, applied).map_err(|reason| {
                    let place = format!("entry {index} of group {}", self.parts.group);
                    io::Error::other(format!("failed to apply {place}: {reason}"))
                })?;
                (answered, None)
            }
        };
        let hash = write.seal(&log_id, membership.as_deref());
        applied.rounds.extend(Round::ending(index, hash));
        applied.hash = hash;
        applied.entries.push((index, answered));
        Ok(())
    }

    fn apply_commands(
        &self,
        write: &mut GroupWrite,
        commands: EntryBytes,
        applied: &mut Applied,
    ) -> Result<Answered, String> {
        let entry = wire::Entry::decode(commands.0).map_err(|error| with_source(&error))?;
        let proposals = entry.decode_proposals().collect::<Result<Vec<_>, _>>().map_err(|error| with_source(&error))?;
        let MachineParts { group, partitions, .. } = self.parts;
        let context = ApplyContext { group, partitions, known: self.parts.version.known(), stamp: entry.stamp };
        applied.stamp = applied.stamp.max(entry.stamp);
        let outcomes = apply_entry(write, context, &proposals, &mut applied.effects);
        Ok(Answered { proposals: entry.proposals, outcomes: outcomes.map_err(|error| error.to_string())? })
    }

    /// Takes note of the version of a state that another node sent. One that this build doesn't know stops the node, as
    /// an entry of it would.
    fn know(&self, meta: &GroupMeta) -> Result<(), io::Error> {
        let known = registry::known(self.parts.version.known(), meta.apply_version);
        known.map_err(|error| {
            let reason = format!("a snapshot of group {} can't be used: {error}", self.parts.group);
            self.parts.fatal.report(reason.clone());
            io::Error::other(reason)
        })?;
        self.parts.version.raised(meta.version());
        Ok(())
    }

    /// Tells the node. The lease learns it first, then those who wait for the index, and the callers last.
    fn announce(&self, index: LogIndex, effects: Vec<Effect>) {
        let forbids = effects.contains(&Effect::Forbids);
        if self.parts.lease.applied(index, forbids) {
            self.parts.pushes.push(self.parts.group);
        }
        self.parts.announcer.applied(index, effects);
    }

    async fn apply_all<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<Item, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(first) = entries.next().await {
            let first = first?;
            let mut bytes = codec::entry_len(&first.0);
            let mut batch = vec![first];
            while batch.len() < BATCH_ENTRIES_MAX && bytes < BATCH_BYTES_MAX {
                let Some(Some(next)) = entries.next().now_or_never() else { break };
                let next = next?;
                bytes += codec::entry_len(&next.0);
                batch.push(next);
            }
            let last = batch.last().map_or(0, |(entry, _)| entry.log_id.index);
            self.wait_synced(last).await?;
            self.apply_batch(batch)?;
        }
        Ok(())
    }
}

/// Returns what a group's tables say of the group itself.
pub(crate) fn stored_meta(view: &dyn View) -> Result<GroupMeta, TableError> {
    Ok(view.row::<Meta>(&())?.unwrap_or_default())
}

impl RaftStateMachine<TypeConfig> for GroupMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = FlushedSnapshot;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        applied_state(&self.parts.state.applied(self.parts.group)).map_err(io::Error::other)
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<Item, io::Error>> + Unpin + OptionalSend,
    {
        let applied = self.apply_all(entries).await;
        if let Err(error) = &applied {
            self.parts.fatal.report(error.to_string());
        }
        applied
    }

    async fn get_snapshot_builder(&mut self) -> FlushedSnapshot {
        let MachineParts { group, state, background, .. } = &self.parts;
        FlushedSnapshot { group: *group, state: state.clone(), background: background.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: SnapshotData) -> Result<(), io::Error> {
        let work = move || snapshot::install(data);
        let installed = background::call(&*self.parts.background, work).await.map_err(io::Error::from).flatten();
        if let Err(error) = &installed {
            self.parts.fatal.report(format!("failed to install a snapshot of group {}: {error}", self.parts.group));
        }
        installed?;
        let stored = stored_meta(&*self.parts.state.view(self.parts.group)).map_err(io::Error::other)?;
        self.know(&stored)?;
        self.parts.time.applied(stored.clock);
        let index = LogIndex(codec::index_of(meta.last_log_id.as_ref()));
        let hash = self.parts.state.applied(self.parts.group).chain;
        self.parts.hashes.replaced(Round { index, hash });
        if self.parts.lease.applied(index, true) {
            self.parts.pushes.push(self.parts.group);
        }
        self.parts.own.replaced();
        self.parts.announcer.replaced(index);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let MachineParts { group, state, background, .. } = &self.parts;
        let (group, state) = (*group, state.clone());
        background::call(&**background, move || snapshot::current(&state, group)).await?
    }
}

/// Makes openraft believe in a snapshot up to what is flushed, so that the log before it may be purged. The rows
/// themselves are read when a follower needs them.
pub(crate) struct FlushedSnapshot {
    group: GroupId,
    state: StateStore,
    background: Arc<dyn Background>,
}

impl RaftSnapshotBuilder<TypeConfig> for FlushedSnapshot {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let (last_log_id, last_membership) =
            applied_state(&self.state.last_flushed(self.group)).map_err(io::Error::other)?;
        let (group, state) = (self.group, self.state.clone());
        let reader = background::call(&*self.background, move || state.snapshot(group)).await?;
        let reader = reader.map_err(io::Error::other)?;
        let meta = SnapshotMeta { last_log_id, last_membership };
        Ok(Snapshot { meta, snapshot: SnapshotData::Reader(Box::new(reader)) })
    }
}
