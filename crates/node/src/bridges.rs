//! Small adapters between an edge and a port that another edge asks for.

use std::collections::BTreeMap;

use model::cluster::Nodes;
use model::id::{GroupId, NodeId};
use replication::{EffectNews, EffectStream, Replication};
use sender::feed::EffectFeed;
use sender::records::RecordFeed;
use service::ports::{NeighbourNews, Neighbours};

/// What the replication knows of the other nodes.
pub struct ReplicationNeighbours(pub Replication);

impl Neighbours for ReplicationNeighbours {
    fn leads(&self, group: GroupId) -> bool {
        self.0.leads(group).is_some()
    }

    fn nodes(&self) -> Nodes {
        self.0.nodes()
    }

    fn news(&self) -> BTreeMap<NodeId, NeighbourNews> {
        let news = |peer: replication::PeerNews| NeighbourNews {
            last_seen: peer.last_seen,
            reported: peer.reported,
            peers_last_seen: peer.peers_last_seen,
        };
        self.0.peers().into_iter().map(|(node, peer)| (node, news(peer))).collect()
    }
}

/// Hands the effects of a group's entries to the sender, and its events to who shows them, until the node stops.
pub async fn feed_effects(
    mut effects: EffectStream,
    group: GroupId,
    (feed, records): (EffectFeed, Option<RecordFeed>),
) {
    while let Some(news) = effects.next().await {
        match news {
            EffectNews::Applied(applied) => {
                feed.offer(group, &applied.effects);
                if let Some(records) = &records {
                    records.offer(group, &applied.effects);
                }
            }
            EffectNews::Missed => feed.missed(group),
        }
    }
}
