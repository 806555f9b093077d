//! What partitions take over from the control group: the plan and the apps.

use model::app::AppSendState;
use model::outcome::Outcome;
use model::plan::TrafficPlan;

use crate::effect::Effect;
use crate::step::Step;
use crate::tables::{Deletions, RowAccess, TableError, Tables};

/// Adopts a plan. An older one than the adopted one, or the same again, changes nothing and is done.
pub(crate) fn adopt_plan<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    plan: &TrafficPlan,
) -> Result<Outcome, TableError> {
    let adopted = step.plan()?.map(|adopted| adopted.epoch);
    if adopted.is_none_or(|epoch| epoch < plan.epoch) {
        step.store_plan(plan.clone());
        step.meta.epoch = plan.epoch;
        step.effects.push(Effect::PlanChanged(plan.epoch));
    }
    step.effects.push(Effect::Forbids);
    Ok(Outcome::Done)
}

/// Takes over what the partition must know of an app, unless it knows a later revision.
pub(crate) fn adopt_app<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    send_state: &AppSendState,
) -> Result<(), TableError> {
    let known = step.send_state(send_state.app)?;
    if known.is_none_or(|known| known.revision < send_state.revision) {
        step.store_send_state(send_state.clone());
        if send_state.deleted {
            step.tables.store_row::<Deletions>(send_state.app, ());
        }
    }
    step.effects.push(Effect::Forbids);
    Ok(())
}
