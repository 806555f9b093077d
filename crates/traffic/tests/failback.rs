//! A region that was lost: when it comes back by itself, in which steps, and what ends that.

use std::collections::BTreeMap;
use std::time::Duration;

use model::plan::{Author, Mode, PlanChange, RegionState, TrafficPlan};
use model::{Channel, RegionId, Timestamp};
use proptest::prelude::*;
use traffic::Why;
use traffic::failback::{Recovery, needed, next_step};
use traffic::loss::{FailbackRules, Freeze, SafetyRules, Situation, Verdict, decide};
use traffic::planning::{Diversions, Diverting, divert, evacuate, initial, set_weights};
use traffic::readiness::{NotReady, RegionReadiness};
use traffic::restart::{Return, expected_return};

const FAILBACK: FailbackRules = FailbackRules { after: Duration::from_secs(300), step: Duration::from_secs(60) };
const LONG: Duration = Duration::from_secs(100_000);

fn region(name: &str) -> RegionId {
    RegionId::new(name).expect("a region's name")
}

fn rules() -> SafetyRules {
    SafetyRules { failback: Some(FAILBACK), ..SafetyRules::default() }
}

fn by_hand() -> Why {
    Why { author: Author::Principal("ann".into()), reason: "test".into(), evidence: BTreeMap::new() }
}

/// A line of plans, the current one first, with the time, and which regions are ready and for how long.
struct Line {
    history: Vec<TrafficPlan>,
    now: Timestamp,
    readiness: RegionReadiness,
    well: BTreeMap<RegionId, Duration>,
}

impl Line {
    fn new(mode: Mode) -> Line {
        let regions = ["a", "b", "c"].map(region);
        let first = initial(mode, &regions, by_hand()).expect("a first plan").into_plan(Timestamp(0));
        let readiness = regions.iter().map(|region| (region.clone(), None)).collect();
        let well = regions.into_iter().map(|region| (region, LONG)).collect();
        Line { history: vec![first], now: Timestamp(1_000_000), readiness, well }
    }

    fn plan(&self) -> &TrafficPlan {
        &self.history[0]
    }

    fn commit(&mut self, change: PlanChange) {
        let plan = change.into_plan(self.now);
        self.history.insert(0, plan);
    }

    fn lose(&mut self, name: &str) {
        let verdict = Verdict { region: region(name), last_sign: model::BootTime(0), evidence: BTreeMap::new() };
        let situation = Situation { plan: &self.history[0], verdicts: &[verdict], readiness: &self.readiness };
        let change = decide(&situation, &rules()).expect("a change");
        self.commit(change);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    /// Commits the step that is due and returns the share of the first region's weight that it has, in per mille.
    fn step(&mut self) -> Option<u32> {
        let Line { history, well, readiness, now } = self;
        let change = next_step(&Recovery { history, well, readiness, now: *now }, &rules())?;
        self.commit(change);
        Some(self.share("a"))
    }

    fn share(&self, name: &str) -> u32 {
        traffic::planning::share_per_mille(&self.plan().regions, &self.plan().weights, &region(name))
    }

    fn steps(&mut self) -> Vec<u32> {
        let mut shares = Vec::new();
        for _ in 0..10 {
            shares.extend(self.step());
            self.pass(FAILBACK.step);
        }
        shares
    }
}

#[test]
fn a_lost_region_comes_back_in_steps_to_what_it_had() {
    let mut line = Line::new(Mode::ActiveActive);
    let own = BTreeMap::from([(region("a"), 1), (region("b"), 3)]);
    let change = set_weights(line.plan(), Some(Channel::Email), own, by_hand()).expect("a change");
    line.commit(change);
    let before = line.plan().clone();
    line.lose("a");
    assert_eq!(expected_return(&line.history, &region("a"), &rules(), line.now), Return::WhenWell);
    let shares = line.steps();
    assert_eq!(shares.len(), 3, "{shares:?}");
    assert!(shares[0] < 30 && shares[1] < 130 && shares[2] > 330, "{shares:?}");
    assert_eq!((&line.plan().weights, &line.plan().channel_weights), (&before.weights, &before.channel_weights));
    assert_eq!(line.plan().regions, before.regions);
}

#[test]
fn it_waits_until_it_was_well_for_long_enough_and_longer_each_time() {
    let mut line = Line::new(Mode::ActiveActive);
    for times in 0..3 {
        line.lose("a");
        let needed = needed(&line.history, &region("a"), FAILBACK, line.now);
        assert_eq!(needed, FAILBACK.after * 2_u32.pow(times));
        line.well.insert(region("a"), needed - Duration::from_secs(1));
        assert_eq!(line.step(), None);
        line.well.remove(&region("a"));
        assert_eq!(line.step(), None, "it isn't well");
        line.well.insert(region("a"), needed);
        assert!(line.step().is_some());
        assert_eq!(line.step(), None, "the first share is held");
    }
    assert_eq!(line.steps().len(), 2);
    assert_eq!(line.share("a"), 334, "what it had before it was lost for the first time");
}

#[test]
fn who_comes_back_too_often_waits_for_a_person() {
    let mut line = Line::new(Mode::ActiveActive);
    for _ in 0..rules().returns_per_hour {
        line.lose("a");
        assert!(line.step().is_some());
    }
    line.lose("a");
    assert_eq!(line.step(), None);
    assert_eq!(expected_return(&line.history, &region("a"), &rules(), line.now), Return::UsedUp);
}

#[test]
fn what_a_person_took_out_or_that_is_not_ready_or_frozen_stays_out() {
    let mut line = Line::new(Mode::ActiveActive);
    let change = evacuate(line.plan(), &region("a"), by_hand()).expect("a change");
    line.commit(change);
    assert_eq!(line.step(), None, "a person");

    let mut line = Line::new(Mode::ActiveActive);
    line.lose("a");
    let Line { history, well, readiness, now } = &line;
    let recovery = Recovery { history, well, readiness, now: *now };
    assert_eq!(next_step(&recovery, &SafetyRules { failback: None, ..rules() }), None, "nobody said so");
    let frozen = Freeze::Regions([region("a")].into());
    assert_eq!(next_step(&recovery, &SafetyRules { frozen, ..rules() }), None, "frozen");
    let ready = |name: &str| if name == "a" { Some(NotReady::NoNode) } else { None };
    let readiness: RegionReadiness = ["a", "b", "c"].map(|name| (region(name), ready(name))).into_iter().collect();
    assert_eq!(next_step(&Recovery { readiness: &readiness, ..recovery }, &rules()), None, "not ready");
    assert!(next_step(&recovery, &rules()).is_some());
}

#[test]
fn weights_that_a_person_gives_end_the_way_back() {
    let mut line = Line::new(Mode::ActiveActive);
    line.lose("a");
    assert!(line.step().is_some());
    line.pass(FAILBACK.step);
    let change = set_weights(line.plan(), None, BTreeMap::from([(region("b"), 5)]), by_hand()).expect("a change");
    line.commit(change);
    assert_eq!(line.steps(), []);
}

#[test]
fn what_health_moved_is_still_known_on_the_way_back() {
    let mut line = Line::new(Mode::ActiveActive);
    let moved =
        |name: &str| Diverting { destination: None, channel: Channel::Sms, region: region(name), share_per_mille: 0 };
    let change = divert(&line.history, &moved("b"), by_hand()).expect("a change");
    line.commit(change);
    line.lose("a");
    for _ in 0..3 {
        assert!(line.step().is_some());
        assert_eq!(Diversions::of(&line.history).share(Channel::Sms, &region("b")), Some(0));
        line.pass(FAILBACK.step);
    }
    let back = Diverting { share_per_mille: 1_000, ..moved("b") };
    let change = divert(&line.history, &back, by_hand()).expect("a change");
    line.commit(change);
    assert!(line.plan().channel_weights.is_empty(), "as before");
}

#[test]
fn in_warm_standby_the_region_gets_its_role_back_last() {
    let mut line = Line::new(Mode::WarmStandby);
    let before = line.plan().clone();
    line.lose("a");
    assert_eq!(line.plan().state_of(&region("b")), RegionState::Active);
    assert_eq!(line.step(), Some(50));
    assert_eq!(line.plan().state_of(&region("a")), RegionState::Standby);
    line.pass(FAILBACK.step);
    assert_eq!(line.step(), Some(300));
    assert_eq!(line.plan().state_of(&region("b")), RegionState::Active);
    line.pass(FAILBACK.step);
    assert!(line.step().is_some());
    assert_eq!((&line.plan().weights, &line.plan().regions), (&before.weights, &before.regions));
    assert_eq!(line.steps(), []);
}

#[test]
fn a_lost_standby_is_a_standby_again_at_once() {
    let mut line = Line::new(Mode::WarmStandby);
    let before = line.plan().clone();
    line.lose("c");
    assert!(line.step().is_some());
    assert_eq!((&line.plan().weights, &line.plan().regions), (&before.weights, &before.regions));
    assert_eq!(line.steps(), []);
}

proptest! {
    /// Whatever is lost when, once all are well for long enough all is as it was, and no step gives a region more than
    /// it had.
    #[test]
    fn all_comes_back_to_what_it_was(
        warm in any::<bool>(),
        events in prop::collection::vec((0_usize..3, 0_u64..400), 1..12),
    ) {
        let mut line = Line::new(if warm { Mode::WarmStandby } else { Mode::ActiveActive });
        let before = line.plan().clone();
        let full = |name| traffic::planning::share_per_mille(&before.regions, &before.weights, &region(name));
        for (at, seconds) in events {
            let name = ["a", "b", "c"][at];
            let others = ["a", "b", "c"].into_iter().filter(|other| *other != name);
            let in_service = |other: &str| line.plan().state_of(&region(other)) != RegionState::Evacuated;
            if in_service(name) && others.into_iter().any(in_service) {
                line.lose(name);
            }
            line.pass(Duration::from_secs(seconds));
            if line.step().is_some() && !warm {
                let all_in = line.plan().regions.values().all(|state| *state == RegionState::Active);
                for name in ["a", "b", "c"].into_iter().filter(|_| all_in) {
                    let weight = line.plan().weights[&region(name)];
                    let whole = before.weights[&region(name)] * if line.plan().weights == before.weights { 1 } else { 1_000 };
                    prop_assert!(weight <= whole, "{name}: {weight} of {whole}, {}", full(name));
                }
            }
        }
        for _ in 0..60 {
            line.pass(Duration::from_secs(600));
            line.step();
        }
        if !warm {
            prop_assert_eq!(&line.plan().weights, &before.weights);
            prop_assert_eq!(&line.plan().regions, &before.regions);
        }
        let in_service = line.plan().regions.values().all(|state| *state != RegionState::Evacuated);
        prop_assert!(in_service);
    }
}
