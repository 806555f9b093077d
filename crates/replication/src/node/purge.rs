//! Keeps the disk small: flushes the states from time to time, and forgets log entries that every crash would find
//! applied, once they are old or many.

use std::sync::Arc;
use std::time::Duration;

use model::id::GroupId;
use openraft::async_runtime::WatchReceiver as _;
use store::{EngineError, Retention};
use tokio::time::Instant;

use crate::node::background::{self, CutOff};
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::codec;
use crate::raft::snapshot::applied_state;
use crate::time::alarms::gauges as time_gauges;

/// When states are flushed and log entries forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Housekeeping {
    /// How often the states are flushed at least, while something changes.
    pub flush_interval: Duration,
    /// How many bytes of log entries, over all groups, lead to a flush before that.
    pub flush_bytes: u64,
    /// How long log entries are kept behind what is flushed, so that a blip never costs a snapshot.
    pub kept_age: Duration,
    /// How many bytes of log entries, over all groups of a node, are kept at most, beyond what isn't flushed.
    pub kept_bytes: u64,
}

impl Default for Housekeeping {
    /// Flushes every 30 s or 256 MiB; keeps 30 minutes or 8 GiB.
    fn default() -> Housekeeping {
        Housekeeping {
            flush_interval: Duration::from_secs(30),
            flush_bytes: 256 * 1024 * 1024,
            kept_age: Duration::from_secs(30 * 60),
            kept_bytes: 8 * 1024 * 1024 * 1024,
        }
    }
}

/// How long openraft may take to take note of a snapshot.
const TOLD: Duration = Duration::from_secs(5);
/// How often this is looked at, unless flushes are to be more frequent.
const LOOK: Duration = Duration::from_secs(1);

/// Flushes and purges until the node stops.
pub(crate) async fn run(node: Arc<Node>, when: Housekeeping) {
    let mut flushed_at = Instant::now();
    let mut flushed_bytes = log_bytes(&node);
    loop {
        tokio::time::sleep(LOOK.min(when.flush_interval)).await;
        node.log.mark_time(node.clock.wall_time());
        gauges(&node);
        time_gauges(&node.time.status());
        let grown = log_bytes(&node).saturating_sub(flushed_bytes);
        if grown < when.flush_bytes && flushed_at.elapsed() < when.flush_interval {
            continue;
        }
        flushed_at = Instant::now();
        if has_news(&node)
            && let Err(error) = flush(&node).await
        {
            node.fatal.report(format!("failed to flush the states: {error}"));
            return;
        }
        for group in node.groups.values() {
            purge(&node, group, when).await;
        }
        flushed_bytes = log_bytes(&node);
    }
}

/// Makes the states of all groups durable.
async fn flush(node: &Node) -> Result<(), EngineError> {
    let state = node.state.clone();
    let started = Instant::now();
    let flushed = background::call(&*node.background, move || state.flush()).await;
    metrics::histogram!("signalbox_state_flush_seconds").record(started.elapsed().as_secs_f64());
    let cut_off = |cut_off: CutOff| EngineError::Io { store: "the states".to_owned(), detail: cut_off.to_string() };
    flushed.map_err(cut_off)?
}

/// Flushes, and forgets all log entries that are flushed.
pub(crate) async fn compact(node: &Node) -> Result<(), EngineError> {
    flush(node).await?;
    for group in node.groups.values() {
        let flushed = flushed_index(node, group.id);
        if flushed == 0 || group.raft.trigger().snapshot().await.is_err() {
            continue;
        }
        let mut data = group.raft.data_metrics();
        let told = async {
            while codec::index_of(data.borrow_watched().snapshot.as_ref()) < flushed && data.changed().await.is_ok() {}
        };
        // Whatever openraft knows of by then may go; the rest goes the next time.
        let _ = tokio::time::timeout(TOLD, told).await;
        if group.raft.trigger().purge_log(flushed).await.is_err() {
            tracing::debug!(group = group.id.0, "group stopped before its log was purged");
        }
    }
    Ok(())
}

/// Tells how the hosted groups stand.
fn gauges(node: &Node) {
    for group in node.hosted() {
        let label = group.id.0.to_string();
        let lease_left = group.lease.valid_until().map_or(0.0, |until| until.since(node.now()).as_secs_f64());
        metrics::gauge!("signalbox_group_leading", "group" => label.clone())
            .set(f64::from(u8::from(group.leading().is_some())));
        metrics::gauge!("signalbox_group_applied", "group" => label.clone()).set(group.announcer.last().0 as f64);
        metrics::gauge!("signalbox_group_replicas_differing", "group" => label.clone())
            .set(group.hashes.differing().len() as f64);
        metrics::gauge!("signalbox_group_log_bytes", "group" => label.clone())
            .set(node.log.size_bytes(group.id) as f64);
        metrics::gauge!("signalbox_lease_left_seconds", "group" => label).set(lease_left);
    }
}

fn log_bytes(node: &Node) -> u64 {
    node.groups.keys().map(|group| node.log.size_bytes(*group)).sum()
}

fn has_news(node: &Node) -> bool {
    node.groups.keys().any(|group| node.state.applied(*group) != node.state.last_flushed(*group))
}

fn flushed_index(node: &Node, group: GroupId) -> u64 {
    let row = node.state.last_flushed(group);
    applied_state(&row).ok().and_then(|(last, _)| last).map_or(0, |last| last.index)
}

/// Purges what may go. openraft purges only what it believes to be in a snapshot, so it is told of one first, and
/// purges in the next round. A leader keeps what it is sending to a follower until that answers or the call fails. One
/// that is away fails by `append_timeout` at the latest, and is sent a snapshot when it is back; so only a follower
/// that catches up without a break keeps more, and no longer than that takes.
async fn purge(node: &Node, group: &Arc<Group>, when: Housekeeping) {
    let flushed = flushed_index(node, group.id);
    let bytes = when.kept_bytes / node.groups.len().max(1) as u64;
    let Some(through) = node.log.purgeable(group.id, flushed, Retention { age: when.kept_age, bytes }) else {
        return;
    };
    let in_snapshot = codec::index_of(group.raft.data_metrics().borrow_watched().snapshot.as_ref());
    let asked = if in_snapshot >= through {
        group.raft.trigger().purge_log(through).await
    } else {
        group.raft.trigger().snapshot().await
    };
    if asked.is_err() {
        tracing::debug!(group = group.id.0, "group stopped before its log was purged");
    }
}
