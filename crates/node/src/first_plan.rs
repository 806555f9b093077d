//! The first traffic plan of a new cluster.

use std::sync::Arc;
use std::time::Duration;

use model::cluster::{Nodes, RegionKind};
use model::id::{GroupId, RegionId};
use model::plan::Mode;
use service::Service;
use service::ports::Neighbours;

/// How often a node that should make the first plan tries again.
const RETRY: Duration = Duration::from_millis(200);

/// Commits the first plan while this node leads the control group and the cluster has none; ends when there is one.
pub async fn make(service: Service, neighbours: Arc<dyn Neighbours>, mode: Mode, nodes: &Nodes) {
    let regions = serving_regions(nodes);
    while service.plan().await.is_err() {
        if neighbours.leads(GroupId::CONTROL) {
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
