//! The port `SendPermits`: the right to begin dispatches (rules R9 and R10). A permit is a stay in the group's critical
//! section; stays longer than G are counted and reported, never hidden.

use std::sync::Arc;

use model::id::{Epoch, GroupId};
use model::time::BootTime;
use registry::tables::View;
use service::ports::{NoPermit, Permit, SendPermits};
use store::GroupView;

use crate::Replication;
use crate::node::group::Group;
use crate::node::shared::Node;

/// A stay in the critical section.
struct SectionPermit {
    node: Arc<Node>,
    group: Arc<Group>,
    view: Arc<GroupView>,
    number: u64,
    entered: BootTime,
}

impl SendPermits for Replication {
    fn enter(&self, group: GroupId) -> Result<Box<dyn Permit>, NoPermit> {
        let node = self.node().clone();
        if node.fatal.is_reported() {
            return Err(NoPermit::NoLease);
        }
        let group = node.group(group).ok_or(NoPermit::NoLease)?.clone();
        let entered = node.now();
        let number = group.lease.enter(entered)?;
        // Taken after entering: it shows at least what was applied then.
        let view = node.state.view(group.id);
        Ok(Box::new(SectionPermit { node, group, view, number, entered }))
    }

    fn report_drained(&self, group: GroupId, epoch: Epoch) {
        if let Some(group) = self.node().group(group) {
            group.lease.drained(epoch);
            self.node().pushes.push(group.id);
        }
    }
}

impl Permit for SectionPermit {
    fn view(&self) -> &dyn View {
        &*self.view
    }
}

impl Drop for SectionPermit {
    fn drop(&mut self) {
        let took = self.node.now().since(self.entered);
        if took > self.node.timing.critical_section() {
            metrics::counter!("signalbox_critical_section_overruns_total").increment(1);
            tracing::error!(
                group = self.group.id.0,
                took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "send exceeded the critical-section limit"
            );
        }
        if self.group.lease.leave(self.number) {
            self.node.pushes.push(self.group.id);
        }
    }
}
