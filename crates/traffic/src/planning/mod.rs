//! Changes of the traffic plan: made from the current one, checked, and put into words. Nothing here commits a plan;
//! `registry` applies a change with the same [`check`].
//!
//! **Weights stay, states mask them.** A region that is evacuated keeps its weights in the plan, and its state makes
//! them count for nothing, so that `restore` gives back the share that it had. In warm standby the active and a standby
//! region exchange their weights when they exchange their roles.

mod changes;
mod check;
mod difference;
mod diversion;
mod rules;
mod withdraw;

pub use changes::{
    INITIAL_TOTAL, Part, ShiftRequest, WARM_SHARE_PER_MILLE, evacuate, failback, failover, freeze, initial, restore,
    set_weights, shift, unfreeze,
};
pub use check::{EVIDENCE_MAX, EVIDENCE_TEXT_MAX, PlanError, REASON_MAX, REGIONS_MAX, SCOPES_MAX, check};
pub use difference::{describe_difference, share_per_mille};
pub(crate) use diversion::shared;
pub use diversion::{Diversions, Diverting, divert};
pub use rules::{Override, RuleBroken, gaining, gives_only_to_ready, keeps_two_regions};
pub(crate) use withdraw::BROUGHT_BACK;
pub use withdraw::{CanSend, recall, withdraw};

use std::collections::BTreeMap;

use model::plan::Author;

/// On whose word a plan is changed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Who changes it.
    pub author: Author,
    /// Why, for people; 1 to 500 characters.
    pub reason: String,
    /// What the decision rests on; at most 64 entries.
    pub evidence: BTreeMap<String, String>,
}
