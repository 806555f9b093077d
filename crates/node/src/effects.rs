//! From what apply tells to those that act on it.

use model::id::GroupId;
use replication::{EffectNews, EffectStream};
use sender::feed::EffectFeed;
use sender::records::RecordFeed;

/// Where a node's effects go.
#[derive(Clone)]
pub struct EffectTargets {
    pub sender: EffectFeed,
    /// Who shows events, if anybody does.
    pub records: Option<RecordFeed>,
}

/// Hands the effects of a group's entries to their targets, until the node stops.
pub async fn feed(mut effects: EffectStream, group: GroupId, targets: EffectTargets) {
    while let Some(news) = effects.next().await {
        match news {
            EffectNews::Applied(applied) => {
                targets.sender.offer(group, &applied.effects);
                if let Some(records) = &targets.records {
                    records.offer(group, &applied.effects);
                }
            }
            EffectNews::Missed => targets.sender.missed(group),
        }
    }
}
