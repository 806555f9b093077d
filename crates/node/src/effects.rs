//! From what apply tells to those that act on it.

use std::sync::Arc;

use model::id::{GroupId, RegionId};
use monitor::SendCounters;
use replication::{EffectNews, EffectStream};
use sender::feed::EffectFeed;
use sender::records::RecordFeed;

/// Where a node's effects go.
#[derive(Clone)]
pub struct EffectTargets {
    pub sender: EffectFeed,
    /// Who shows events, if anybody does.
    pub records: Option<RecordFeed>,
    /// Who counts the events of this region's messages.
    pub counters: Arc<SendCounters>,
    /// This node's region.
    pub region: RegionId,
}

/// Hands the effects of a group's entries to their targets, until the node stops.
pub async fn feed(mut effects: EffectStream, group: GroupId, targets: EffectTargets) {
    while let Some(news) = effects.next().await {
        match news {
            EffectNews::Applied(applied) => {
                targets.sender.offer(group, &applied.effects);
                targets.counters.heard_of(&targets.region, &applied.effects);
                if let Some(records) = &targets.records {
                    records.offer(group, &applied.effects);
                }
            }
            EffectNews::Missed => {
                targets.sender.missed(group);
                targets.counters.missed();
            }
        }
    }
}
