//! The promises, checked against what happened and what the replicas hold at the end. Every check is a function that
//! returns what it found wrong; its name begins with the promise (docs/promises.md).

pub mod evidence;

mod causes;
mod ends;
mod lines;
mod opt_outs;
mod plans;
mod recipients;
mod replicas;
mod retention;
mod sends;
mod writes;

use std::fmt;

use evidence::Evidence;

/// One thing that a promise does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The check that found it.
    pub check: &'static str,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.found)
    }
}

/// A check: its name, and what finds things.
type Check = (&'static str, fn(&Evidence<'_>) -> Vec<String>);

const CHECKS: [Check; 32] = [
    ("p1_no_dispatch_after_an_acknowledged_opt_out", recipients::no_dispatch_after_an_acknowledged_opt_out),
    ("p1_no_dispatch_after_an_acknowledged_deletion", recipients::no_dispatch_after_an_acknowledged_deletion),
    ("p1_nothing_forbidden_is_accepted", recipients::nothing_forbidden_is_accepted),
    ("p1_no_permit_on_what_is_out_of_date", recipients::no_permit_on_what_is_out_of_date),
    ("p2_acknowledged_writes_survive", writes::acknowledged_writes_survive),
    ("p2_reads_see_acknowledged_writes", writes::reads_see_acknowledged_writes),
    ("too_much_is_refused", writes::too_much_is_refused),
    ("p3_accepted_messages_are_kept", sends::accepted_messages_are_kept),
    ("p3_retired_only_when_old", retention::retired_only_when_old),
    ("p3_accounting_closes", sends::accounting_closes),
    ("p3_everything_comes_to_rest", sends::everything_comes_to_rest),
    ("p3_refused_only_who_opted_out", recipients::refused_only_who_opted_out),
    ("p3_opted_out_only_when_asked", ends::opted_out_only_when_asked),
    ("p3_expired_only_with_cause", ends::expired_only_with_cause),
    ("what_is_old_is_retired", retention::what_is_old_is_retired),
    ("p4_at_most_once", sends::at_most_once),
    ("p4_at_least_once", sends::at_least_once),
    ("p4_twice_only_when_cut_off", sends::twice_only_when_cut_off),
    ("p4_held_only_what_began", sends::held_only_what_began),
    ("p5_plans_form_one_line", plans::plans_form_one_line),
    ("p5_an_evacuated_region_begins_nothing", plans::an_evacuated_region_begins_nothing),
    ("p5_epochs_of_a_message_never_regress", plans::epochs_of_a_message_never_regress),
    ("p6_new_messages_flow_past_a_cut_line", lines::new_messages_flow),
    ("p6_waiting_messages_flow_past_a_cut_line", lines::waiting_messages_flow),
    ("leadership_does_not_wander", lines::leadership_does_not_wander),
    ("a_cut_line_is_told", lines::cut_lines_are_told),
    ("a_version_waits_for_every_build", replicas::a_version_waits_for_every_build),
    ("replicas_agree", replicas::replicas_agree),
    ("tables_keep_their_rules", replicas::tables_keep_their_rules),
    ("nodes_live_on", replicas::nodes_live_on),
    ("a_full_disk_stops_its_node", replicas::a_full_disk_stops_its_node),
    ("time_follows_no_single_clock", replicas::time_follows_no_single_clock),
];

/// Runs every check.
pub fn check(evidence: &Evidence<'_>) -> Vec<Violation> {
    let found =
        CHECKS.iter().flat_map(|(check, find)| find(evidence).into_iter().map(move |found| Violation { check, found }));
    found.collect()
}
