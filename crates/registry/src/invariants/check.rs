//! Every rule at once.

use super::broken::Broken;
use super::endpoints::{
    invariant_active_endpoints, invariant_ban_counts, invariant_blocks_mirrored, invariant_deleted_apps,
    invariant_former_places, invariant_users,
};
use super::follow_ups::{invariant_deleted_endpoints, invariant_follow_ups, invariant_requests};
use super::messages::{
    invariant_accounting, invariant_bodies, invariant_claims, invariant_events, invariant_expiries, invariant_held,
    invariant_outbox, invariant_retirements, invariant_taken, invariant_traces,
};
use super::pieces::invariant_pieces;
use crate::tables::View;

/// A rule over a group's tables.
type Rule<V> = fn(&V) -> Result<(), Broken>;

/// Checks every rule.
///
/// # Errors
/// At the first rule that doesn't hold, and when the tables can't be read.
pub fn check_all<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rules: [Rule<V>; 20] = [
        invariant_accounting,
        invariant_outbox,
        invariant_expiries,
        invariant_claims,
        invariant_held,
        invariant_retirements,
        invariant_taken,
        invariant_traces,
        invariant_bodies,
        invariant_pieces,
        invariant_events,
        invariant_follow_ups,
        invariant_requests,
        invariant_deleted_endpoints,
        invariant_active_endpoints,
        invariant_users,
        invariant_blocks_mirrored,
        invariant_former_places,
        invariant_ban_counts,
        invariant_deleted_apps,
    ];
    rules.into_iter().try_for_each(|rule| rule(view))
}
