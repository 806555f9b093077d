//! Committing a change of the plan that no person asked for.

use std::time::Duration;

use model::plan::PlanChange;
use service::{ErrorCode, Service};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// It is the plan, or may become it yet, or another change came first: it is decided anew at the next look.
    LookAgain,
    /// It failed.
    Failed,
}

/// Commits a change, and waits at most so long until every partition has adopted it: what isn't adopted by then is
/// carried on by the control group's leader (`service::duties`).
pub(crate) async fn commit(service: &Service, change: PlanChange, adopted_wait: Duration) -> Committed {
    let (parent, reason) = (change.parent.0, change.reason.clone());
    tracing::warn!(parent, reason, "committing a plan that no person asked for");
    metrics::counter!("signalbox_automatic_plan_changes_total").increment(1);
    match tokio::time::timeout(adopted_wait, service.commit_plan(change)).await {
        Ok(Ok(plan)) => tracing::warn!(epoch = plan.epoch.0, "plan committed and adopted everywhere"),
        Ok(Err(error)) if error.code == ErrorCode::Conflict => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "plan not committed or not yet adopted everywhere");
            return Committed::Failed;
        }
        Err(_) => tracing::warn!(parent, "plan not committed or not yet adopted everywhere; looking again"),
    }
    Committed::LookAgain
}
