//! P5: what the checks of plans find.

use super::build::{BERLIN, DUBLIN, OSLO, Run, run};
use super::{excused, found, not_tested, passed};
use crate::history::{FaultKind, Line, PlanSeen};

const FALL: &str = "p5_epochs_of_a_message_never_fall";
const TEXT: &str = "p5_one_text_per_plan";
const BACK: &str = "p5_listeners_never_go_back";
const OVER: &str = "p5_later_plans_take_over";
const EVACUATED: &str = "p5_evacuated_regions_send_nothing";

/// A message that arrives by plan 2, and again at a time by another plan.
fn again(at_ms: u64, epoch: u64) -> Run {
    run().send(4_900, "m").arrive_by(5_000, "m", DUBLIN, 2).arrive_by(at_ms, "m", OSLO, epoch)
}

#[test]
fn the_plans_of_a_message_do_not_fall() {
    passed(&again(8_000, 2).finding(FALL), 1);
    passed(&again(5_100, 1).finding(FALL), 1);
    found(
        &again(5_101, 1).finding(FALL),
        &["oslo sent it at 5.101 s by plan 1", "dublin sent it at 5.000 s by plan 2"],
    );
    not_tested(&run().send(1_000, "m").arrive(2_000, "m", OSLO).finding(FALL));
}

#[test]
fn a_sender_that_was_paused_may_be_overtaken() {
    excused(&again(8_000, 1).fault(FaultKind::Pause, OSLO, 4_950, 7_950).finding(FALL));
    found(&again(8_000, 1).fault(FaultKind::Pause, DUBLIN, 4_950, 7_950).finding(FALL), &["by plan 1"]);
}

#[test]
fn a_plan_is_the_same_everywhere() {
    let same = run().plan(1_000, BERLIN, 2, &[OSLO]).plan(2_000, DUBLIN, 2, &[OSLO]);
    passed(&same.finding(TEXT), 2);
    found(&same.clone().plan(3_000, OSLO, 2, &[]).finding(TEXT), &["Plan 2", "berlin at 1.000 s", "oslo at 3.000 s"]);
    let (text, evacuated) = ("another".to_owned(), vec![OSLO]);
    let other = PlanSeen { at_us: 3_000_000, listener: OSLO, epoch: 2, evacuated, text };
    found(&same.line(Line::Plan(other)).finding(TEXT), &["Plan 2"]);
}

#[test]
fn a_listener_does_not_go_back_unless_it_was_killed() {
    let forth = run().plan(1_000, OSLO, 2, &[]).plan(3_000, OSLO, 3, &[]).plan(3_500, BERLIN, 2, &[]);
    passed(&forth.finding(BACK), 3);
    let back = forth.plan(4_000, OSLO, 2, &[]);
    found(&back.finding(BACK), &["oslo showed plan 2 at 4.000 s, and had shown plan 3 at 3.000 s"]);
    found(&back.clone().fault(FaultKind::Isolation, OSLO, 3_100, 3_900).finding(BACK), &["plan 2"]);
    found(&back.clone().fault(FaultKind::Kill, BERLIN, 3_100, 3_900).finding(BACK), &["plan 2"]);
    found(&back.clone().fault(FaultKind::Kill, OSLO, 2_000, 2_900).finding(BACK), &["plan 2"]);
    found(&back.clone().fault(FaultKind::Kill, OSLO, 4_100, 4_900).finding(BACK), &["plan 2"]);
    passed(&back.fault(FaultKind::Kill, OSLO, 3_100, 3_900).finding(BACK), 4);
}

/// Plan 2 is shown at 5 s, and a message arrives by a plan.
fn after_plan_2(at_ms: u64, epoch: u64) -> Run {
    let run = run().plan(4_000, BERLIN, 1, &[]).plan(5_000, BERLIN, 2, &[OSLO]);
    run.send(4_900, "m").arrive_by(at_ms, "m", OSLO, epoch)
}

#[test]
fn ten_quiet_seconds_after_it_was_shown_a_plan_has_taken_over() {
    passed(&after_plan_2(15_100, 1).finding(OVER), 1);
    passed(&after_plan_2(15_101, 2).finding(OVER), 1);
    found(
        &after_plan_2(15_101, 1).finding(OVER),
        &["oslo sent it at 15.101 s by plan 1", "plan 2 had taken over by 15.000 s"],
    );
}

#[test]
fn faults_hold_a_plan_up_and_pauses_its_senders() {
    let late = after_plan_2(15_101, 1);
    not_tested(&late.clone().fault(FaultKind::Kill, DUBLIN, 5_200, 30_000).finding(OVER));
    found(&late.clone().fault(FaultKind::ClockJump, DUBLIN, 5_200, 30_000).finding(OVER), &["by plan 1"]);
    // The pause began long before, so that ten seconds from 5 s on were quiet.
    excused(&late.fault(FaultKind::Pause, OSLO, 0, 15_050).arrive_by(15_102, "m", DUBLIN, 2).finding(OVER));
}

#[test]
fn an_evacuated_region_sends_nothing() {
    found(
        &after_plan_2(6_000, 2).finding(EVACUATED),
        &["m: oslo sent it at 6.000 s by plan 2, which takes that region out"],
    );
    not_tested(&after_plan_2(6_000, 1).finding(EVACUATED));
    let other = run().plan(5_000, BERLIN, 2, &[OSLO]).send(4_900, "m").arrive_by(6_000, "m", DUBLIN, 2);
    passed(&other.finding(EVACUATED), 1);
}
