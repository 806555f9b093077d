//! What partitions take over from the control group: the plan and the apps.

use model::app::AppGate;
use model::outcome::Outcome;
use model::plan::TrafficPlan;

use crate::effect::Effect;
use crate::step::Step;
use crate::tables::{Deletions, RowAccess, TableError, Tables};

/// Adopts a plan. An older one than the adopted one, or the same again, changes nothing and is done.
///
/// # Errors
/// When the adopted plan can't be read.
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
///
/// # Errors
/// When the gate can't be read.
pub(crate) fn adopt_app<T: Tables + ?Sized>(step: &mut Step<'_, T>, gate: &AppGate) -> Result<(), TableError> {
    let known = step.gate(gate.app)?;
    if known.is_none_or(|known| known.revision < gate.revision) {
        step.store_gate(gate.clone());
        if gate.deleted {
            step.tables.store_row::<Deletions>(gate.app, ());
        }
    }
    step.effects.push(Effect::Forbids);
    Ok(())
}
