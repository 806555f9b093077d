//! Proposing takeovers (rules R4 and R11): in the leadership whose knowledge of leases is their ground. Until it is
//! known where the entry landed, the granter gives the region no lease.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::command::Proposal;
use model::id::{Epoch, LogIndex, RegionId};
use openraft::errors::ClientWriteError;
use openraft::impls::ProgressResponder;
use service::ports::{Applied, LogError};
use tracing::Instrument as _;
use tracing::field::Empty;
use wire::Stored as _;

use crate::lease::group_lease::granting::BegunTakeover;
use crate::lease::tenure;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::type_config::{EntryBytes, TypeConfig};

/// How long a takeover may take to be applied.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a takeover rests on.
pub(crate) struct Ground {
    pub(crate) region: RegionId,
    pub(crate) epoch: Epoch,
}

/// Proposes a takeover if its ground holds now.
///
/// Without the ground or the time, or when this node doesn't lead any more, nothing is done and the answer says that there is no
/// leader: the duty asks again.
pub(crate) async fn propose(
    node: &Node,
    group: &Arc<Group>,
    ground: Ground,
    proposals: Vec<Proposal>,
) -> Result<Applied, LogError> {
    let no_leader = LogError::NoLeader { group: group.id, waited: Duration::ZERO };
    let Some(stamp) = group.time.stamp() else { return Err(no_leader) };
    tenure::observe(node, group);
    let begun = group.lease.begin_takeover(node.now(), &ground.region, ground.epoch);
    let Some(begun) = begun else { return Err(no_leader) };
    let (region, epoch, basis) = (&begun.region, ground.epoch.0, begun.basis);
    let span = tracing::info_span!("takeover", group = group.id.0, %region, epoch, ?basis, index = Empty);
    span.in_scope(|| tracing::info!("takeover proposed"));
    let proposals: Vec<Bytes> = proposals.iter().map(|proposal| Bytes::from(proposal.encoded())).collect();
    let entry = wire::Entry { stamp, proposals }.encode();
    let unknown = || LogError::Unknown { group: group.id, waited: DEADLINE };
    // In a task of its own: where it landed must become known to the granter however long that takes, and whether or
    // not somebody still waits.
    let written = tokio::spawn(write(group.clone(), begun, entry).instrument(span));
    match tokio::time::timeout(DEADLINE, written).await {
        Ok(Ok(written)) => written,
        Ok(Err(_)) | Err(_) => Err(unknown()),
    }
}

/// Writes the entry and tells the granter where it landed. When that isn't known even at the end, the group is
/// stopping, or its tenure over.
async fn write(group: Arc<Group>, begun: BegunTakeover, entry: Bytes) -> Result<Applied, LogError> {
    let (responder, answered) = ProgressResponder::<TypeConfig, _>::complete_only();
    let sent = group.raft.write(EntryBytes(entry)).with_leader(begun.leader).responder(responder).await;
    if sent.is_err() {
        return Err(LogError::Stopping);
    }
    match answered.await {
        Ok(Ok(response)) => {
            let index = LogIndex(response.log_id.index);
            group.lease.takeover_appended(&begun, index);
            tracing::Span::current().record("index", index.0);
            tracing::debug!("takeover applied");
            Ok(Applied { outcomes: response.data.0, index })
        }
        Ok(Err(ClientWriteError::ForwardToLeader(_))) => {
            // The leadership is over, and the entry may have been appended in it: its granter stays as it is.
            Err(LogError::NoLeader { group: group.id, waited: Duration::ZERO })
        }
        Ok(Err(_)) | Err(_) => Err(LogError::Unknown { group: group.id, waited: DEADLINE }),
    }
}
