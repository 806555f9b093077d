//! Restarts: what a node that stops or comes back does to the plan, and what it leaves to a person.

use std::collections::BTreeMap;

use model::plan::{Author, Mode, PlanChange, RegionState, TrafficPlan};
use model::{NodeId, RegionId, Timestamp};
use traffic::Why;
use traffic::loss::{Freeze, SafetyRules};
use traffic::planning::{evacuate, initial, restore};
use traffic::readiness::{NotReady, RegionReadiness};
use traffic::restart::{RETURN_MAX, Restarting, Return, come_back, expected_return, leave, recent_returns};

const STOPPED: Timestamp = Timestamp(1_000_000);
const SOON: Timestamp = Timestamp(1_030_000);

fn region(name: &str) -> RegionId {
    RegionId::new(name).expect("a region's name")
}

fn by(author: Author) -> Why {
    Why { author, reason: "test".into(), evidence: BTreeMap::new() }
}

/// A line of plans, the current one first, and who is ready.
struct Line(Vec<TrafficPlan>, RegionReadiness);

impl Line {
    fn new(mode: Mode) -> Line {
        let regions = ["a", "b", "c"].map(region);
        let first = initial(mode, &regions, by(Author::Automatic)).expect("a first plan");
        let ready = regions.into_iter().map(|region| (region, None)).collect();
        Line(vec![first.into_plan(Timestamp(0))], ready)
    }

    fn commit(&mut self, change: PlanChange, time: Timestamp) {
        self.0.insert(0, change.into_plan(time));
    }

    fn leave(&mut self, node: u64, name: &str) -> bool {
        let change =
            leave(&self.0, Restarting { node: NodeId(node), region: &region(name) }, &SafetyRules::default(), &self.1);
        change.map(|change| self.commit(change, STOPPED)).is_some()
    }

    fn come_back(&mut self, node: u64, name: &str, now: Timestamp) -> bool {
        let who = Restarting { node: NodeId(node), region: &region(name) };
        let change = come_back(&self.0, who, &SafetyRules::default(), &self.1, now);
        change.map(|change| self.commit(change, now)).is_some()
    }

    fn expected(&self) -> Return {
        expected_return(&self.0, &region("a"), &SafetyRules::default(), SOON)
    }

    fn states(&self) -> Vec<&'static str> {
        self.0[0].regions.values().map(|state| state.as_str()).collect()
    }
}

#[test]
fn a_region_leaves_with_its_node_and_returns_with_the_share_that_it_had() {
    let mut line = Line::new(Mode::ActiveActive);
    let before = (line.0[0].regions.clone(), line.0[0].weights.clone());
    assert!(line.leave(1, "a"));
    assert_eq!(line.states(), ["evacuated", "active", "active"]);
    assert!(!line.leave(1, "a"), "it has left already");
    assert!(!line.come_back(2, "b", SOON), "b was never away");
    assert!(line.come_back(1, "a", SOON));
    assert_eq!((line.0[0].regions.clone(), line.0[0].weights.clone()), before);
    assert!(!line.come_back(1, "a", SOON), "it is back already");
}

#[test]
fn a_region_of_several_nodes_serves_again_when_the_last_of_them_is_back() {
    let mut line = Line::new(Mode::ActiveActive);
    assert!(line.leave(1, "a") && line.leave(4, "a"));
    assert!(line.come_back(1, "a", SOON));
    assert_eq!(line.0[0].state_of(&region("a")), RegionState::Evacuated);
    assert!(line.come_back(4, "a", SOON));
    assert_eq!(line.0[0].state_of(&region("a")), RegionState::Active);
}

#[test]
fn in_warm_standby_another_region_becomes_the_active_one_and_stays_it() {
    let mut line = Line::new(Mode::WarmStandby);
    assert!(line.leave(1, "a"));
    assert_eq!(line.states(), ["evacuated", "active", "standby"]);
    assert!(line.come_back(1, "a", SOON));
    assert_eq!(line.states(), ["standby", "active", "standby"]);
}

#[test]
fn nobody_leaves_a_cluster_that_could_send_nothing_then() {
    let mut line = Line::new(Mode::ActiveActive);
    assert!(line.leave(1, "a") && line.leave(2, "b"));
    assert!(!line.leave(3, "c"), "its messages wait for it");
    assert_eq!(line.states(), ["evacuated", "evacuated", "active"]);
}

#[test]
fn what_a_person_or_a_loss_took_out_only_a_person_restores() {
    for author in [Author::Principal("ops".into()), Author::Automatic] {
        let mut line = Line::new(Mode::ActiveActive);
        line.commit(evacuate(&line.0[0], &region("a"), by(author.clone())).expect("a change"), STOPPED);
        assert!(!line.leave(1, "a"));
        assert!(!line.come_back(1, "a", SOON));

        // A restart of long ago, ended by a person, excuses no later loss.
        let mut line = Line::new(Mode::ActiveActive);
        assert!(line.leave(1, "a"));
        line.commit(restore(&line.0[0], &region("a"), by(Author::Principal("ops".into()))).expect("a change"), SOON);
        line.commit(evacuate(&line.0[0], &region("a"), by(author)).expect("a change"), SOON);
        assert!(!line.come_back(1, "a", SOON));
    }
}

#[test]
fn changes_of_other_regions_meanwhile_hide_nothing() {
    let mut line = Line::new(Mode::ActiveActive);
    assert!(line.leave(1, "a"));
    line.commit(evacuate(&line.0[0], &region("b"), by(Author::Automatic)).expect("a change"), SOON);
    assert!(line.come_back(1, "a", SOON));
    assert_eq!(line.states(), ["active", "evacuated", "active"]);
}

#[test]
fn who_was_away_too_long_or_restarts_too_often_needs_a_person() {
    let mut line = Line::new(Mode::ActiveActive);
    assert!(line.leave(1, "a"));
    assert!(!line.come_back(1, "a", STOPPED.plus(RETURN_MAX).plus(std::time::Duration::from_millis(1))));
    assert!(line.come_back(1, "a", STOPPED.plus(RETURN_MAX)));

    let mut line = Line::new(Mode::ActiveActive);
    for _ in 0..SafetyRules::default().returns_per_hour {
        assert!(line.leave(1, "a") && line.come_back(1, "a", SOON));
    }
    assert!(line.leave(1, "a"), "leaving is always safe");
    assert_eq!(line.expected(), Return::UsedUp);
    assert!(!line.come_back(1, "a", SOON));
    assert!(line.come_back(1, "a", SOON.plus(std::time::Duration::from_secs(3_600))));
}

#[test]
fn restarts_change_nothing_that_is_frozen() {
    let mut line = Line::new(Mode::ActiveActive);
    let frozen = SafetyRules { frozen: Freeze::Everything, ..SafetyRules::default() };
    let a = region("a");
    let who = Restarting { node: NodeId(1), region: &a };
    assert_eq!(leave(&line.0, who, &frozen, &line.1), None);
    assert!(line.leave(1, "a"));
    assert_eq!(come_back(&line.0, who, &frozen, &line.1, SOON), None);
    assert!(line.come_back(1, "a", SOON));
}

#[test]
fn a_region_comes_back_when_all_of_it_is_ready() {
    let mut line = Line::new(Mode::ActiveActive);
    assert!(line.leave(1, "a"));
    assert_eq!(line.expected(), Return::ByItself);
    let ready = std::mem::replace(&mut line.1, unready(&["a"]));
    assert!(!line.come_back(1, "a", SOON), "another node of it has failed meanwhile");
    line.1 = ready;
    assert!(line.come_back(1, "a", SOON));
    assert_eq!(line.expected(), Return::ByAPerson);
    assert_eq!(recent_returns(&line.0, &region("a"), SOON), 1);
    assert_eq!(recent_returns(&line.0, &region("b"), SOON), 0);
}

#[test]
fn nobody_leaves_to_regions_that_could_not_send() {
    let mut line = Line::new(Mode::ActiveActive);
    line.1 = unready(&["b", "c"]);
    assert!(!line.leave(1, "a"), "its messages wait for it");
    line.1 = unready(&["b"]);
    assert!(line.leave(1, "a"));
}

fn unready(names: &[&str]) -> RegionReadiness {
    let why = |name: &str| names.contains(&name).then_some(NotReady::Silent { node: NodeId(9), ago: None });
    ["a", "b", "c"].map(|name| (region(name), why(name))).into_iter().collect()
}
