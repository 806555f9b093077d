//! The ports through which a node's parts reach its replication. A simulation that breaks something on purpose puts its
//! own in their place; nothing else of the wiring differs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::Nodes;
use model::id::{GroupId, NodeId};
use model::version::Build;
use replication::Replication;
use service::ports::{CountExchange, GroupTime, Leases, NeighbourNews, Neighbours, Reads, ReplicatedLog, SendPermits};
use traffic::loss::Starved;
use traffic::readiness::RegionReadiness;

/// What the use cases, the duties, the watch and the sender are given.
pub struct NodePorts {
    /// Where commands are proposed.
    pub log: Arc<dyn ReplicatedLog>,
    /// The replicas of this node.
    pub reads: Arc<dyn Reads>,
    /// The right to begin dispatches.
    pub permits: Arc<dyn SendPermits>,
    /// What a leader knows of the holders of leases.
    pub leases: Arc<dyn Leases>,
    /// The time that replicated state goes by.
    pub time: Arc<dyn GroupTime>,
    /// What is known of the other nodes.
    pub neighbours: Arc<dyn Neighbours>,
    /// What nodes tell each other of their sending.
    pub exchange: Arc<dyn CountExchange>,
}

impl NodePorts {
    /// Joins every port to the replication itself.
    pub fn of(replication: &Replication) -> NodePorts {
        NodePorts {
            log: Arc::new(replication.clone()),
            reads: Arc::new(replication.clone()),
            permits: Arc::new(replication.clone()),
            leases: Arc::new(replication.clone()),
            time: Arc::new(replication.clone()),
            neighbours: Arc::new(ReplicationNeighbours(replication.clone())),
            exchange: Arc::new(replication.clone()),
        }
    }
}

/// What the replication knows of the other nodes.
struct ReplicationNeighbours(Replication);

impl Neighbours for ReplicationNeighbours {
    fn leads(&self, group: GroupId) -> bool {
        self.0.leads(group).is_some()
    }

    fn nodes(&self) -> Nodes {
        self.0.nodes()
    }

    fn news(&self) -> BTreeMap<NodeId, NeighbourNews> {
        self.0.peers()
    }

    fn starved(&self) -> Vec<Starved> {
        self.0.starved()
    }

    fn builds(&self) -> BTreeMap<NodeId, (Build, Duration)> {
        self.0.builds()
    }

    fn readiness(&self) -> RegionReadiness {
        self.0.region_readiness()
    }
}
