//! A stop that was asked for, up to the point where nothing depends on this node any more: its region's share and its
//! waiting messages go to the others, and so do the groups that it leads. Meanwhile its listeners serve on and say to
//! load balancers that it isn't ready.

use std::time::Duration;

use model::id::{GroupId, MessageId, RegionId};
use model::time::Timestamp;
use registry::tables::{Outbox, RowAccess as _};
use replication::Replication;
use service::ports::Reads as _;
use tokio::time::Instant;

use crate::restart::Restart;

/// How long the region's waiting messages may take to move to the others. What is left moves when the lease has lapsed.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How often it is looked whether messages wait.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// How long transferring leaderships may take.
const LEADERSHIP_TRANSFER_MAX: Duration = Duration::from_secs(5);

/// Leaves the cluster to the others, at most about fifteen seconds; `restart` is given in serving regions.
pub async fn leave(replication: &Replication, restart: Option<&Restart>) {
    if let Some(restart) = restart
        && restart.leave().await
    {
        drain(replication, &restart.service.facts().region).await;
    }
    match replication.transfer_leaderships(LEADERSHIP_TRANSFER_MAX).await {
        0 => tracing::info!("all leaderships transferred"),
        kept => {
            tracing::warn!(kept, "leadership not transferred; these groups elect a leader after this node has stopped")
        }
    }
}

async fn drain(replication: &Replication, region: &RegionId) {
    let due = Instant::now() + DRAIN_MAX;
    while replication.groups().into_iter().any(|group| waits(replication, group, region)) {
        if Instant::now() >= due {
            tracing::warn!(waited = ?DRAIN_MAX, "messages still waiting here; other regions send them after the lease has lapsed");
            return;
        }
        tokio::time::sleep(DRAIN_LOOK).await;
    }
}

/// Says whether messages of the region wait in a group. What can't be read isn't waited for.
fn waits(replication: &Replication, group: GroupId, region: &RegionId) -> bool {
    let Ok(view) = replication.view(group) else { return false };
    let first = (region.clone(), Timestamp(0), MessageId(0));
    view.rows_while::<Outbox>(&first, 1, |(owner, ..)| owner == region).is_ok_and(|rows| !rows.is_empty())
}
