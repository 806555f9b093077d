//! Calls of nodes that say of themselves what a test wants.

use model::id::NodeId;
use tonic::Request;

use super::{CLUSTER, Cluster};

/// What a call says of itself.
#[derive(Clone)]
pub struct Said {
    pub cluster: String,
    pub node: u64,
    pub region: String,
    pub to: u64,
}

impl Said {
    pub fn of(cluster: &Cluster, from: NodeId, to: NodeId) -> Said {
        let region = cluster.region(from).to_string();
        Said { cluster: CLUSTER.to_string(), node: from.0, region, to: to.0 }
    }

    pub fn on<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("signalbox-cluster", self.cluster.parse().unwrap());
        metadata.insert("signalbox-node", self.node.to_string().parse().unwrap());
        metadata.insert("signalbox-region", self.region.parse().unwrap());
        metadata.insert("signalbox-to", self.to.to_string().parse().unwrap());
        request
    }
}
