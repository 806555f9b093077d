//! Planted faults: replicas that differ, and a former build that goes on where it can't read.

use super::build::{BERLIN, DUBLIN, OSLO, Run, run};
use super::{found, not_tested, passed};
use crate::history::{AlarmsSeen, Line, Region, Upgrade};

const SAME: &str = "p2_replicas_are_the_same";
const TURNED_AWAY: &str = "p2_former_build_is_turned_away";

fn alarms(run: Run, listener: Region, name: &str) -> Run {
    let alarms = vec![(name.to_owned(), "node 3: the replicas of group 1 differ".to_owned())];
    run.line(Line::Alarms(AlarmsSeen { listener, alarms }))
}

fn raised(run: Run) -> Run {
    run.line(Line::Upgrade(Upgrade::Raised { at_us: 5, from: 1, to: 2 }))
}

fn turned_away(run: Run, said: &str) -> Run {
    run.line(Line::Upgrade(Upgrade::TurnedAway { at_us: 9_000_000, region: OSLO, said: said.to_owned() }))
}

#[test]
fn replicas_that_differ_are_found_at_whichever_listener_says_so() {
    not_tested(&run().finding(SAME));
    let other = alarms(run(), BERLIN, "region_evacuated");
    passed(&other.clone().finding(SAME), 1);
    found(&alarms(other, DUBLIN, "replica_differs").finding(SAME), &["dublin says: node 3"]);
}

#[test]
fn a_former_build_must_end_and_say_why() {
    not_tested(&raised(run()).finding(TURNED_AWAY));
    let said = "exit status: 1: signalbox: the group is at apply version 2: start a newer build on this node";
    passed(&turned_away(raised(run()), said).finding(TURNED_AWAY), 1);
    found(&turned_away(raised(run()), "signal: 6: core dumped").finding(TURNED_AWAY), &["oslo", "core dumped"]);
    found(&turned_away(run(), said).finding(TURNED_AWAY), &["oslo at 9.000 s"]);
    let ran = raised(run()).line(Line::Upgrade(Upgrade::Ran { at_us: 9_000_000, region: OSLO }));
    found(&ran.finding(TURNED_AWAY), &["oslo and still ran at 9.000 s"]);
}
