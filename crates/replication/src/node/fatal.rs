//! Why the node must stop. Corrupt state, a failed disk, an unknown command: nothing here goes on after one of these.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use model::id::Incarnation;
use tokio::sync::watch;

/// Why a node must stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeFault {
    /// Its own disk, state or a task that must live.
    #[error("{0}")]
    Broken(Arc<str>),
    /// The cluster knows this incarnation of it, from an earlier data folder: it must begin again with a higher one.
    #[error("the cluster knows incarnation {0} of this node already")]
    Outdated(Incarnation),
}

/// Where the reason to stop is reported. Clones report to the same place; the first reason stays.
#[derive(Clone)]
pub(crate) struct Fatal(Arc<watch::Sender<Option<NodeFault>>>);

impl Fatal {
    pub(crate) fn new() -> Fatal {
        Fatal(Arc::new(watch::Sender::new(None)))
    }

    /// Reports a reason to stop.
    pub(crate) fn report(&self, reason: impl Into<String>) {
        let reason: String = reason.into();
        let first = self.set(NodeFault::Broken(reason.as_str().into()));
        if first {
            tracing::error!(%reason, "the node must stop");
            metrics::counter!("signalbox_fatal_total").increment(1);
        }
    }

    /// Reports that the cluster knows this incarnation of the node, or a later one than the present.
    pub(crate) fn outdated(&self, known: Incarnation) {
        self.set(NodeFault::Outdated(known));
    }

    fn set(&self, fault: NodeFault) -> bool {
        self.0.send_if_modified(|first| {
            let none = first.is_none();
            first.get_or_insert(fault);
            none
        })
    }

    /// Says whether there is a reason: from then on this node grants nothing, asks for nothing and begins nothing.
    pub(crate) fn is_reported(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Returns the reason, if there is one.
    pub(crate) fn reason(&self) -> Option<NodeFault> {
        self.0.borrow().clone()
    }

    /// Waits for a reason.
    pub(crate) async fn reported(&self) -> NodeFault {
        let mut reports = self.0.subscribe();
        let reported = reports.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        match reported {
            Some(reason) => reason,
            // Can't be: the sender is held by `self`, and only reasons are waited for.
            None => std::future::pending().await,
        }
    }
}

/// Runs a task that must live until the node stops: that it ends or panics before is a reason to stop.
pub(crate) async fn essential(
    fatal: Fatal,
    stopping: watch::Receiver<bool>,
    name: &'static str,
    task: impl Future<Output = ()>,
) {
    let ended = AssertUnwindSafe(task).catch_unwind().await;
    if !*stopping.borrow() {
        let how = if ended.is_ok() { "ended" } else { "panicked" };
        fatal.report(format!("the task {name:?} {how}: start the node again, and report this as a bug"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ended(stopping: bool, task: impl Future<Output = ()>) -> Option<String> {
        let (fatal, stops) = (Fatal::new(), watch::Sender::new(stopping));
        essential(fatal.clone(), stops.subscribe(), "planted", task).await;
        fatal.reason().map(|fault| fault.to_string())
    }

    #[tokio::test]
    async fn a_task_that_must_live_is_missed_however_it_ends() {
        assert!(ended(false, async {}).await.is_some_and(|reason| reason.contains("\"planted\" ended")));
        let panics = async { panic!("on purpose") };
        assert!(ended(false, panics).await.is_some_and(|reason| reason.contains("panicked")));
        assert_eq!(ended(true, async {}).await, None, "the node stops");
    }
}
