//! Starting and stopping the sender of a node: one task per partition.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::SenderConfig;
use crate::feed::Feeds;
use crate::pacer::Pacer;
use crate::partition::Partition;
use crate::routes::Routes;
use crate::shared::{Ports, SenderFault, Shared};

/// The running sender of a node. Dropping it stops it at once; [`Sender::stop`] lets it finish what it began.
pub struct Sender {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<(), SenderFault>>,
    stop: watch::Sender<bool>,
}

/// How a stop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Messages that were begun and whose result was not recorded. Those of class `at_most_once` will be held, the
    /// others are sent again.
    pub unsettled: usize,
}

impl Sender {
    /// Starts sending for the partitions that have a feed. Must be called inside a tokio runtime.
    pub fn start(config: SenderConfig, ports: Ports, routes: Routes, feeds: Feeds) -> Sender {
        let pacer = Pacer::new(&config, ports.clock.boot_time());
        let shared =
            Arc::new(Shared { config, ports, routes, pacer, contents: Arc::default(), unsettled: AtomicUsize::new(0) });
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (group, inbox) in feeds.0 {
            tasks.spawn(Partition::new(group, Arc::clone(&shared), inbox, stopping.clone()).run());
        }
        Sender { shared, tasks, stop }
    }

    /// Waits for a fault after which the node must stop. Waits for ever when there is none.
    pub async fn fault(&mut self) -> SenderFault {
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => return fault,
                Err(error) => return SenderFault::Died(error.to_string()),
            }
        }
        std::future::pending().await
    }

    /// Begins nothing more, gives back the claims that were not begun, and waits at most `wait` until what was begun
    /// has its results recorded.
    pub async fn stop(mut self, wait: Duration) -> Stopped {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(wait, ended).await.is_ok();
        self.tasks.abort_all();
        let unsettled = self.shared.unsettled.load(Ordering::Relaxed);
        tracing::info!(unsettled, in_time, "sender stopped");
        Stopped { unsettled }
    }
}
