//! What is true of a group's tables after every command. Each rule has a name; tests and checks of a node's state call
//! them. They read whole tables, so that no hot path may.

mod broken;
mod check;

mod endpoints;
mod follow_ups;
mod messages;

pub use broken::Broken;
pub use check::{Rule, check_all};
pub use endpoints::{
    invariant_active_endpoints, invariant_ban_counts, invariant_blocks_mirrored, invariant_deleted_apps,
    invariant_users,
};
pub use follow_ups::{invariant_follow_ups, invariant_requests};
pub use messages::{
    invariant_accounting, invariant_bodies, invariant_claims, invariant_events, invariant_expiries, invariant_held,
    invariant_outbox, invariant_retirements,
};
