//! What partitions take over from the control group: the plan and the apps.

use model::app::AppSendState;
use model::id::AppId;
use model::outcome::Outcome;
use model::plan::TrafficPlan;
use model::rows::Deletion;

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

/// Takes over what the partition must know of an app, unless it knows a later revision. The deletion is the last that
/// the control group says of an app.
pub(crate) fn adopt_app<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    send_state: &AppSendState,
) -> Result<(), TableError> {
    let known = step.send_state(send_state.app)?;
    if known.is_none_or(|known| known.revision < send_state.revision) {
        step.store_send_state(send_state.clone());
    }
    if send_state.deleted {
        let deletion = step.tables.row::<Deletions>(&send_state.app)?.unwrap_or_default();
        step.tables.store_row::<Deletions>(send_state.app, Deletion { known: true, ..deletion });
    }
    step.effects.push(Effect::Forbids);
    Ok(())
}

/// Learns that no more blocks of a deleted app come. That may be known here before the deletion is.
pub(crate) fn end_app<T: Tables + ?Sized>(step: &mut Step<'_, T>, app: AppId) -> Result<(), TableError> {
    let deletion = step.tables.row::<Deletions>(&app)?.unwrap_or_default();
    step.tables.store_row::<Deletions>(app, Deletion { ended: true, ..deletion });
    // It forbids nothing, but is waited for by fence like every follow-up.
    step.effects.push(Effect::Forbids);
    Ok(())
}
