//! What is true of a group's tables after every command. Each rule has a name; tests and checks of a node's state call
//! them. They read whole tables, so that no hot path may.

mod endpoints;
mod follow_ups;
mod messages;

pub use endpoints::{
    invariant_active_endpoints, invariant_ban_counts, invariant_blocks_mirrored, invariant_deleted_apps,
    invariant_users,
};
pub use follow_ups::{invariant_follow_ups, invariant_requests};
pub use messages::{
    invariant_accounting, invariant_bodies, invariant_claims, invariant_events, invariant_expiries, invariant_held,
    invariant_outbox, invariant_retirements,
};

use crate::tables::{ReadRows, RowAccess, Rows, Table, TableError, View};

/// Says which rule the tables break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The rule doesn't hold.
    #[error("{rule} does not hold: {detail}")]
    Rule {
        /// The rule's name.
        rule: &'static str,
        /// What was found.
        detail: String,
    },
    /// The tables can't be read.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// A rule over a group's tables.
pub type Rule<V> = fn(&V) -> Result<(), Broken>;

/// Checks every rule.
///
/// # Errors
/// At the first rule that doesn't hold, and when the tables can't be read.
pub fn check_all<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rules: [Rule<V>; 15] = [
        invariant_accounting,
        invariant_outbox,
        invariant_expiries,
        invariant_claims,
        invariant_held,
        invariant_retirements,
        invariant_bodies,
        invariant_events,
        invariant_follow_ups,
        invariant_requests,
        invariant_active_endpoints,
        invariant_users,
        invariant_blocks_mirrored,
        invariant_ban_counts,
        invariant_deleted_apps,
    ];
    rules.into_iter().try_for_each(|rule| rule(view))
}

/// Returns every row of a table whose smallest possible key is `first`.
fn all<T: Table>(view: &(impl View + ReadRows<T> + ?Sized), first: &T::Key) -> Result<Rows<T>, TableError> {
    view.rows_while::<T>(first, usize::MAX, |_| true)
}

fn hold(rule: &'static str, holds: bool, detail: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::Rule { rule, detail: detail() }) }
}
