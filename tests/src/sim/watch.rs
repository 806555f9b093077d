//! Watches a run while it goes on: the groups' time, as leaders would stamp now and as was stamped; who leads; and which
//! lines are told to be cut.

use model::alarm::AlarmName;
use model::id::GroupId;
use registry::tables::{Meta, RowAccess as _};
use replication::Replication;
use service::ports::{ClusterControl as _, GroupTime as _, Reads as _};
use traffic::cluster_time::Source;

use super::cluster::{Cluster, PARTITIONS};
use super::faults::Tick;
use super::layout::name;
use super::world::true_time;

/// How often it is looked at.
const LOOK_MS: Tick = 10;
/// How often alarms are looked at.
const ALARMS_MS: Tick = 200;
/// The most that a group's time may be off, in milliseconds.
const OFF_MAX_MS: i64 = 1_000;

/// Looks, if it is time to.
pub fn look(cluster: &Cluster, now: Tick) {
    if !now.is_multiple_of(LOOK_MS) {
        return;
    }
    if now.is_multiple_of(ALARMS_MS) {
        let cut = cluster.alarms().into_iter().filter(|alarm| alarm.name == AlarmName::LineCut);
        cut.for_each(|alarm| cluster.history.line_is_cut(&alarm.subject));
    }
    for (node, replication) in cluster.running() {
        let versions = replication.status().groups.into_iter().map(|status| status.version);
        cluster.builds.saw(versions.max().unwrap_or_default());
        for group in GroupId::all(PARTITIONS) {
            if let Some(term) = replication.leads(group) {
                cluster.history.leads(group, node, term);
            }
            if let Some(off) = leaders_off(&replication, group) {
                cluster.history.time_off(format!("{} would stamp in group {group} {off} ms off", name(node)));
            }
            if let Some(off) = stamped_off(&replication, group) {
                cluster.history.time_off(format!("{} applied in group {group} a stamp {off} ms ahead", name(node)));
            }
        }
    }
}

/// How far the time of a leader is off.
fn leaders_off(replication: &Replication, group: GroupId) -> Option<i64> {
    replication.leads(group)?;
    let off = ahead_ms(replication.now(group)?.0);
    // The lower one of two clocks that contradict each other at a cold start may be behind, never ahead.
    let may_be_behind = replication.time().source == Source::Lower;
    (off > OFF_MAX_MS || (off < -OFF_MAX_MS && !may_be_behind)).then_some(off)
}

/// How far the last stamp is ahead: it may be as old as it likes.
fn stamped_off(replication: &Replication, group: GroupId) -> Option<i64> {
    let meta = replication.view(group).ok()?.row::<Meta>(&()).ok()??;
    Some(ahead_ms(meta.clock.0)).filter(|off| *off > OFF_MAX_MS)
}

fn ahead_ms(time: u64) -> i64 {
    i64::try_from(i128::from(time) - i128::from(true_time().0)).unwrap_or(i64::MAX)
}
