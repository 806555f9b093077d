//! What a new cluster begins with: the newest apply version that all of its nodes know, and the first traffic plan.

use std::sync::Arc;
use std::time::Duration;

use model::cluster::{Nodes, RegionKind};
use model::id::{GroupId, RegionId};
use model::plan::Mode;
use service::Service;
use service::ports::Neighbours;

/// How often a node that should make the first plan tries again.
const RETRY: Duration = Duration::from_millis(200);

/// How often it is tried to begin with the newest version before the cluster begins with the first one: an operator can
/// raise it later.
const VERSION_TRIES: u32 = 25;

/// Commits the first plan while this node leads the control group and the cluster has none; ends when there is one. The
/// version is raised before: nothing is stored yet that an older build could have to read.
pub async fn make(service: Service, neighbours: Arc<dyn Neighbours>, mode: Mode, nodes: &Nodes) {
    let regions = serving_regions(nodes);
    let mut tries = 0;
    while service.plan().await.is_err() {
        if neighbours.leads(GroupId::CONTROL) {
            if tries < VERSION_TRIES {
                tries += 1;
                if let Err(error) = service.raise_version(None).await {
                    if tries == VERSION_TRIES {
                        tracing::warn!(%error, "the new cluster begins at the first apply version; raise it later");
                    }
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
                tries = VERSION_TRIES;
            }
            match service.first_plan(mode, &regions).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(%error, "first plan not committed; retrying"),
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Lists the serving regions of the configured nodes, in order.
fn serving_regions(nodes: &Nodes) -> Vec<RegionId> {
    let serving = nodes.values().filter(|node| node.kind == RegionKind::Serving);
    let mut regions: Vec<_> = serving.map(|node| node.region.clone()).collect();
    regions.sort();
    regions.dedup();
    regions
}
