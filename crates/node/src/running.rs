//! A running node: what its listeners work with, why it must stop, and its stop in order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use model::id::Incarnation;
use monitor::{AlarmBoard, HealthBoard};
use replication::{NodeFault, Replication};
use sender::{Sender, SenderFault};
use service::Service;
use tokio::task::JoinSet;

use crate::leaving;
use crate::readiness::NodeReadiness;
use crate::restart::Restart;

/// How long the sender may take to record what it began when the node stops.
pub(crate) const SENDER_STOP_MAX: Duration = Duration::from_secs(10);
/// The same after a fault, when nothing can be recorded any more: what is under way to a provider may end.
const SENDER_STOP_FAULT_MAX: Duration = Duration::from_secs(1);

/// The cluster knows this incarnation of the node already, from an earlier data folder, or a later one: the node must
/// begin again, with a higher number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cluster knows incarnation {0} of this node already")]
pub struct Outdated(pub Incarnation);

/// A node that takes part, sends and leads. Dropping it leaves its replication running: stop it.
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct RunningNode {
    pub replication: Replication,
    /// The use cases.
    pub service: Service,
    /// Whether it is ready to take requests.
    pub readiness: NodeReadiness,
    /// What operators should know.
    pub alarms: Arc<AlarmBoard>,
    /// What is found of the health of sending.
    pub health: Arc<HealthBoard>,
    pub(crate) restart: Option<Restart>,
    pub(crate) sender: Option<Sender>,
    pub(crate) tasks: Tasks,
    pub(crate) sender_stop_max: Duration,
}

impl RunningNode {
    /// Waits for a fault after which the node must stop; [`Outdated`] when it should begin again at once. When it
    /// returns, the node leads nothing, grants and holds no lease, and sends nothing any more: the others replace it as
    /// they do one that was killed, however long it takes to end what its callers wait for.
    pub async fn fault(&mut self) -> anyhow::Error {
        let fault = self.first_fault().await;
        self.sender_stop_max = SENDER_STOP_FAULT_MAX;
        self.replication.stop().await;
        fault
    }

    async fn first_fault(&mut self) -> anyhow::Error {
        tokio::select! {
            // The node's own disk, state or a task of its replication.
            fault = self.replication.failed() => match fault {
                NodeFault::Broken(reason) => anyhow!("the node must stop: {reason}"),
                NodeFault::Outdated(known) => anyhow!(Outdated(known)),
            },
            // What the sender reads can't be trusted, or one of its tasks died.
            fault = sender_fault(&mut self.sender) => match fault {
                SenderFault::Outdated { known } => anyhow!(Outdated(known)),
                fault => anyhow!(fault).context("the node must stop"),
            },
            // A task that must live as long as the node.
            died = self.tasks.died() => anyhow!("the node must stop: {died}"),
        }
    }

    /// Leaves the cluster to the others, at most about fifteen seconds: the region's share, its waiting messages and the
    /// leaderships go to them. Requests are served meanwhile, and readiness says no.
    pub async fn leave(&self) {
        self.readiness.leaving().cancel();
        leaving::leave(&self.replication, self.restart.as_ref()).await;
    }

    /// Ends everything, the sender first so that it records what it began. What is stored is for the caller to sync.
    pub async fn stop(mut self) {
        self.readiness.leaving().cancel();
        if let Some(sender) = self.sender.take() {
            sender.stop(self.sender_stop_max).await;
        }
        self.tasks.0.shutdown().await;
        self.replication.stop().await;
    }
}

async fn sender_fault(sender: &mut Option<Sender>) -> SenderFault {
    match sender {
        Some(sender) => sender.fault().await,
        None => std::future::pending().await,
    }
}

/// The tasks of a node beside its replication and its sender.
#[derive(Default)]
pub(crate) struct Tasks(JoinSet<Option<&'static str>>);

impl Tasks {
    /// Runs a task that must live as long as the node.
    pub(crate) fn essential(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(async move {
            task.await;
            Some(name)
        });
    }

    /// Runs a task that ends when it is done.
    pub(crate) fn once(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(async move {
            task.await;
            None
        });
    }

    /// Waits until a task panicked or one ended that must live; says which.
    async fn died(&mut self) -> String {
        while let Some(ended) = self.0.join_next().await {
            match ended {
                Ok(None) => {}
                Ok(Some(name)) => return format!("the task {name:?} ended"),
                Err(error) => return format!("a task died: {error}"),
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_must_live_is_missed_when_it_ends() {
        let mut tasks = Tasks::default();
        tasks.once(async {});
        tasks.essential("watch", async {});
        assert_eq!(tasks.died().await, "the task \"watch\" ended");
    }

    #[tokio::test]
    async fn a_panic_is_a_fault_in_any_task() {
        let mut tasks = Tasks::default();
        tasks.once(async { panic!("planted") });
        assert!(tasks.died().await.contains("panicked"));
    }
}
