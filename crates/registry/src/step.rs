//! The work on one entry: the tables with what every command of the entry needs of them, read once and written back
//! once.
//!
//! The group's own row, the plan, send states and accounting are kept here while the entry is applied. They are written
//! through this type only, so that what is kept never differs from the tables.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::accounting::Accounting;
use model::app::AppSendState;
use model::command::{FOLLOW_UPS_MAX, FollowUpAction};
use model::id::{AppId, GroupId};
use model::plan::TrafficPlan;
use model::rows::GroupMeta;
use model::time::Timestamp;

use crate::context::ApplyContext;
use crate::effect::Effect;
use crate::tables::{
    AccountingOf, AdoptedPlan, AppSendStates, FollowUpCounts, FollowUpNumbers, FollowUps, Meta, RowAccess, TableError,
    Tables,
};

/// One entry's work.
pub(crate) struct Step<'a, T: Tables + ?Sized> {
    pub tables: &'a mut T,
    pub effects: &'a mut Vec<Effect>,
    pub group: GroupId,
    /// How many partitions the cluster has.
    pub partitions: u16,
    /// The group's clock: never less than at the entry before.
    pub now: Timestamp,
    /// The group's own row; written by [`Step::finish`].
    pub meta: GroupMeta,
    plan: Option<Option<Rc<TrafficPlan>>>,
    send_states: BTreeMap<AppId, Option<Rc<AppSendState>>>,
    accounting: BTreeMap<AppId, Accounting>,
}

impl<'a, T: Tables + ?Sized> Step<'a, T> {
    /// Begins the work on an entry and sets the group's clock.
    pub fn begin(
        tables: &'a mut T,
        context: ApplyContext,
        effects: &'a mut Vec<Effect>,
    ) -> Result<Step<'a, T>, TableError> {
        let mut meta = tables.row::<Meta>(&())?.unwrap_or_default();
        meta.clock = meta.clock.max(context.stamp);
        Ok(Step {
            tables,
            effects,
            group: context.group,
            partitions: context.partitions,
            now: meta.clock,
            meta,
            plan: None,
            send_states: BTreeMap::new(),
            accounting: BTreeMap::new(),
        })
    }

    /// Writes back what was kept.
    pub fn finish(self) {
        self.tables.store_row::<Meta>((), self.meta);
        // What was only looked at has no row, and gets none: counts never go back to nothing.
        for (app, accounting) in self.accounting.into_iter().filter(|(_, counts)| *counts != Accounting::default()) {
            self.tables.store_row::<AccountingOf>(app, accounting);
        }
    }

    /// Returns the adopted plan.
    pub fn plan(&mut self) -> Result<Option<Rc<TrafficPlan>>, TableError> {
        if self.plan.is_none() {
            self.plan = Some(self.tables.row::<AdoptedPlan>(&())?.map(Rc::new));
        }
        Ok(self.plan.clone().flatten())
    }

    /// Stores the adopted plan.
    pub fn store_plan(&mut self, plan: TrafficPlan) {
        self.tables.store_row::<AdoptedPlan>((), plan.clone());
        self.plan = Some(Some(Rc::new(plan)));
    }

    /// Returns what the group knows of an app, also of a deleted one.
    pub fn send_state(&mut self, app: AppId) -> Result<Option<Rc<AppSendState>>, TableError> {
        if let Some(send_state) = self.send_states.get(&app) {
            return Ok(send_state.clone());
        }
        let send_state = self.tables.row::<AppSendStates>(&app)?.map(Rc::new);
        self.send_states.insert(app, send_state.clone());
        Ok(send_state)
    }

    /// Returns what the group knows of an app that exists.
    pub fn live_send_state(&mut self, app: AppId) -> Result<Option<Rc<AppSendState>>, TableError> {
        Ok(self.send_state(app)?.filter(|send_state| !send_state.deleted))
    }

    /// Stores what the group knows of an app.
    pub fn store_send_state(&mut self, send_state: AppSendState) {
        self.tables.store_row::<AppSendStates>(send_state.app, send_state.clone());
        self.send_states.insert(send_state.app, Some(Rc::new(send_state)));
    }

    /// Forgets an app.
    pub fn remove_send_state(&mut self, app: AppId) {
        self.tables.remove_row::<AppSendStates>(&app);
        self.send_states.insert(app, None);
    }

    /// Returns an app's accounting, to be changed; it is stored at the end of the entry.
    pub fn accounting(&mut self, app: AppId) -> Result<&mut Accounting, TableError> {
        if !self.accounting.contains_key(&app) {
            let accounting = self.tables.row::<AccountingOf>(&app)?.unwrap_or_default();
            self.accounting.insert(app, accounting);
        }
        Ok(self.accounting.entry(app).or_default())
    }

    /// Queues what another group must do, and returns its number there. Whoever calls this has asked for room
    /// ([`follow_up::room`](crate::follow_up::room)) before it changed anything.
    pub fn queue(&mut self, target: GroupId, action: FollowUpAction) -> Result<u64, TableError> {
        let waiting = self.tables.row::<FollowUpCounts>(&target)?.unwrap_or_default() + 1;
        debug_assert!(waiting <= FOLLOW_UPS_MAX, "nobody asked for room");
        self.tables.store_row::<FollowUpCounts>(target, waiting);
        let number = self.tables.row::<FollowUpNumbers>(&target)?.unwrap_or_default() + 1;
        self.tables.store_row::<FollowUpNumbers>(target, number);
        self.tables.store_row::<FollowUps>((target, number), action);
        self.effects.push(Effect::FollowUpQueued { target, number });
        Ok(number)
    }
}
