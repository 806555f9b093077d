//! The port `SendPermits`: the right to begin handovers (rules R9 and R10). A permit is a visit behind the group's gate;
//! visits longer than G are counted and reported, never hidden.

use std::sync::Arc;

use model::id::{Epoch, GroupId};
use model::time::BootTime;
use registry::tables::View;
use service::ports::{NoPermit, Permit, SendPermits};
use store::GroupView;

use crate::Replication;
use crate::group::Group;
use crate::node::Node;

/// A visit behind the gate.
struct GatePermit<'a> {
    node: &'a Node,
    group: Arc<Group>,
    view: Arc<GroupView>,
    number: u64,
    entered: BootTime,
}

impl SendPermits for Replication {
    fn enter(&self, group: GroupId) -> Result<Box<dyn Permit + Send + '_>, NoPermit> {
        let node: &Node = self.node();
        let group = node.group(group).ok_or(NoPermit::NoLease)?.clone();
        let entered = node.now();
        let number = group.lease.enter(entered)?;
        // Taken after entering: it shows at least what was applied then.
        let view = node.state.view(group.id);
        Ok(Box::new(GatePermit { node, group, view, number, entered }))
    }

    fn report_quiet(&self, group: GroupId, epoch: Epoch) {
        if let Some(group) = self.node().group(group) {
            group.lease.quiet(epoch);
            self.node().pushes.push(group.id);
        }
    }
}

impl Permit for GatePermit<'_> {
    fn view(&self) -> &dyn View {
        &*self.view
    }
}

impl Drop for GatePermit<'_> {
    fn drop(&mut self) {
        let took = self.node.now().since(self.entered);
        if took > self.node.timing.gate() {
            metrics::counter!("signalbox_gate_overruns_total").increment(1);
            tracing::error!(
                group = self.group.id.0,
                took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "a handover began later than the gate allows"
            );
        }
        if self.group.lease.leave(self.number) {
            self.node.pushes.push(self.group.id);
        }
    }
}
