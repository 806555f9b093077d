//! Proposing takeovers (rules R4 and R11): in the leadership whose knowledge of leases is their ground, and noted by the
//! granter wherever the entry landed.

use std::time::Duration;

use bytes::Bytes;
use model::command::Proposal;
use model::id::{Epoch, LogIndex, RegionId};
use openraft::errors::ClientWriteError;
use openraft::impls::ProgressResponder;
use service::ports::{Applied, LogError};
use wire::Stored as _;

use crate::group::Group;
use crate::node::Node;
use crate::tenure;
use crate::type_config::{EntryBytes, LeaderId, TypeConfig};

/// How long a takeover may take to be applied.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a takeover rests on.
pub(crate) struct Ground {
    pub(crate) region: RegionId,
    pub(crate) epoch: Epoch,
}

/// Proposes a takeover if its ground holds now.
///
/// Without the ground, or when this node doesn't lead any more, nothing is done and the answer says that there is no
/// leader: the duty asks again.
pub(crate) async fn propose(
    node: &Node,
    group: &Group,
    ground: Ground,
    proposals: Vec<Proposal>,
) -> Result<Applied, LogError> {
    tenure::observe(node, group);
    let begun = group.lease.begin_takeover(node.now(), &ground.region, ground.epoch);
    let Some((leader, basis)) = begun else {
        return Err(LogError::NoLeader { group: group.id, waited: Duration::ZERO });
    };
    tracing::info!(group = group.id.0, region = %ground.region, epoch = ground.epoch.0, ?basis, "taking over");
    let proposals: Vec<Bytes> = proposals.iter().map(|proposal| Bytes::from(proposal.encoded())).collect();
    let entry = wire::Entry { stamp: node.clock.wall_time(), proposals }.encode();
    let written = write(group, leader, entry).await;
    // If what became of it isn't known, it was not appended after the present end of the log.
    let end = LogIndex(group.last_log_id().map_or(0, |last| last.index));
    let index = written.as_ref().map_or(end, |applied| applied.index);
    group.lease.takeover_appended(&leader, &ground.region, index);
    written
}

async fn write(group: &Group, leader: LeaderId, entry: Bytes) -> Result<Applied, LogError> {
    let unknown = || LogError::Unknown { group: group.id, waited: DEADLINE };
    let (responder, answered) = ProgressResponder::<TypeConfig, _>::complete_only();
    let sent = group.raft.write(EntryBytes(entry)).with_leader(leader).responder(responder).await;
    if sent.is_err() {
        return Err(LogError::Stopping);
    }
    match tokio::time::timeout(DEADLINE, answered).await {
        Ok(Ok(Ok(response))) => Ok(Applied { outcomes: response.data.0, index: LogIndex(response.log_id.index) }),
        Ok(Ok(Err(ClientWriteError::ForwardToLeader(_)))) => {
            Err(LogError::NoLeader { group: group.id, waited: Duration::ZERO })
        }
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => Err(unknown()),
    }
}
