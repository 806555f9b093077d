//! The adopted plan: which waiting messages it moves away, and when this region is *drained* (rule R11).

use std::sync::Arc;

use model::{Epoch, RegionId, TrafficPlan};
use registry::tables::{AdoptedPlan, Meta, RowAccess, TableError, View};
use traffic::route::{Flow, route};

use super::Partition;

/// Says whether a plan sends a message through another region than this one: a Takeover under that plan will move it,
/// so that its dispatch may not begin here any more. The same question that the Takeover asks.
pub(super) fn moves_away(plan: Option<&TrafficPlan>, flow: Flow<'_>, region: &RegionId) -> bool {
    plan.and_then(|plan| route(plan, flow)).is_some_and(|named| named != *region)
}

impl Partition {
    /// Takes over a plan that the partition adopted. Claims that it moves away are given back, and the outbox is read
    /// again: messages that an earlier plan moved away may stay under this one.
    pub(super) fn adopt(&mut self, view: &dyn View) -> Result<(), TableError> {
        let epoch = view.row::<Meta>(&())?.unwrap_or_default().epoch;
        if self.epoch() != epoch {
            self.plan = view.row::<AdoptedPlan>(&())?.map(Arc::new);
            tracing::info!(group = %self.group, %epoch, "plan adopted");
            self.schedule.forget();
            self.claims.doubt();
        }
        self.release_lost(view)
    }

    /// Returns the epoch of the adopted plan.
    pub(super) fn epoch(&self) -> Epoch {
        self.plan.as_ref().map(|plan| plan.epoch).unwrap_or_default()
    }

    /// Reports that everything begun before the adopted plan is settled, once for each plan. Claims that the plan moves
    /// away are given back first, so that their messages move instead of being held.
    pub(super) fn report_drained(&mut self) {
        let adopted = self.epoch();
        if adopted <= self.drained_reported || !self.inflight.drained(adopted) || !self.claims.drained(adopted) {
            return;
        }
        self.shared.ports.permits.report_drained(self.group, adopted);
        self.drained_reported = adopted;
        tracing::info!(group = %self.group, epoch = %adopted, "drained: everything begun under earlier plans is settled");
    }
}
