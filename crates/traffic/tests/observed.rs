//! From what nodes count to what the plan should say, without a network: three regions with a node each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::plan::{Author, Mode, Scope, TrafficPlan};
use model::{AppId, Channel, Destination, GroupId, Incarnation, LogIndex, NodeId, RegionId, Timestamp};
use traffic::Why;
use traffic::health::{Advice, HealthSettings};
use traffic::loss::SafetyRules;
use traffic::observed::{
    CellKey, Counter, Finding, Gather, Lag, NodeSecond, ReplicaProgress, Reporter, SendOutcome, Subject, Watcher,
    answer,
};
use traffic::planning::{Diversions, Part, initial, set_weights};

const REGIONS: [&str; 3] = ["a", "b", "c"];
const COUNTRIES: [&str; 4] = ["+1", "+44", "+49", "+33"];
const BEGIN: u64 = 1_000_000;
/// How long after its message an event comes, in seconds.
const DELAY: u64 = 5;

fn region(name: &str) -> RegionId {
    RegionId::new(name).expect("a name")
}

fn why(reason: &str) -> Why {
    Why { author: Author::Automatic, reason: reason.to_owned(), evidence: BTreeMap::new() }
}

/// Nodes that count, one that gathers and judges, and the line of plans.
struct World {
    now: u64,
    counters: [Counter; 3],
    /// The region and country of which no events come any more.
    silent: Option<(usize, usize)>,
    /// When the events come of what each sent, and when that was.
    events: [VecDeque<(u64, CellKey)>; 3],
    /// Which start of its process each node is at; nothing while it is down.
    incarnations: [Option<u64>; 3],
    /// How many seconds after they came each hears of events.
    lags: [u64; 3],
    watched: [Lag; 3],
    gather: Gather,
    watcher: Watcher,
    history: Vec<TrafficPlan>,
    follows: bool,
    /// The country that an app sends to which nobody else does.
    app_of_its_own: Option<usize>,
    /// Whether only one app sends now.
    is_night: bool,
    findings: Vec<Finding>,
}

/// What goes wrong in a second: of a region and a country, which share of the sends fail, out of ten.
type Fault = fn(usize, usize) -> u32;

impl World {
    fn new() -> World {
        let settings = HealthSettings { probes: false, ..HealthSettings::default() };
        let watcher = Watcher::new(settings, REGIONS.map(region).into_iter().collect::<BTreeSet<_>>());
        let change = initial(Mode::ActiveActive, &REGIONS.map(region), why("first")).expect("a plan");
        World {
            now: BEGIN,
            counters: Default::default(),
            silent: None,
            events: Default::default(),
            incarnations: [Some(1); 3],
            lags: [0; 3],
            watched: Default::default(),
            gather: Gather::default(),
            watcher: watcher.expect("settings that can be used"),
            history: vec![change.into_plan(Timestamp(0))],
            follows: true,
            app_of_its_own: None,
            is_night: false,
            findings: Vec::new(),
        }
    }

    /// Lets so many seconds pass with ten messages a second in a region that has all of its traffic. Every message that
    /// is taken has an event.
    fn pass(&mut self, seconds: u64, fault: Fault) {
        for _ in 0..seconds {
            for (at, name) in REGIONS.iter().enumerate() {
                let share = Diversions::of(&self.history).share(Channel::Sms, &region(name)).unwrap_or(1_000);
                if self.incarnations[at].is_some() {
                    self.count(at, 10 * share / 1_000, fault);
                }
            }
            self.now += 1;
            let told: Vec<(Reporter, NodeSecond)> = (0..3).flat_map(|at| self.told(at)).collect();
            for (reporter, second) in told {
                self.gather.add(self.now, reporter, second);
            }
            for gathered in self.gather.ready(self.now) {
                self.findings.extend(self.watcher.judge(&gathered));
            }
            self.follow();
        }
    }

    fn told(&mut self, at: usize) -> Vec<(Reporter, NodeSecond)> {
        let Some(incarnation) = self.incarnations[at] else { return Vec::new() };
        let reporter = Reporter::new(NodeId(at as u64 + 1), region(REGIONS[at]), Incarnation(incarnation));
        self.counters[at].close(self.now).into_iter().map(|second| (reporter.clone(), second)).collect()
    }

    fn count(&mut self, at: usize, messages: u32, fault: Fault) {
        for message in 0..messages {
            let country = (message as usize + self.now as usize) % COUNTRIES.len();
            if self.share_to(REGIONS[at], COUNTRIES[country]) == 0 {
                continue;
            }
            let app = match self.app_of_its_own {
                _ if self.is_night => AppId(1),
                Some(own) if own == country => AppId(9),
                _ => AppId(u128::from(message % 3)),
            };
            let key =
                CellKey { channel: Channel::Sms, destination: Destination::named(COUNTRIES[country]), app: Some(app) };
            let failed = message % 10 < fault(at, country);
            let outcome = if failed { SendOutcome::Failed } else { SendOutcome::Accepted };
            self.counters[at].sent(self.now, &key, outcome);
            if !failed && self.silent != Some((at, country)) {
                self.events[at].push_back((self.now + DELAY, key));
            }
        }
        // An entry is committed a second, and applied when the replica comes to it.
        let (committed, applied) = (LogIndex(self.now), LogIndex(self.now - self.lags[at]));
        let replica = ReplicaProgress { group: GroupId(1), committed, applied };
        if self.watched[at].look(self.now, &[replica]) {
            self.counters[at].missed_events(self.now);
        }
        // Those that came while the node was away come when it is back.
        while let Some((_, key)) = self.events[at].pop_front_if(|(due, _)| *due + self.lags[at] <= self.now) {
            self.counters[at].heard_of(self.now, &key, DELAY);
        }
    }

    fn follow(&mut self) {
        for wanted in self.watcher.compare(self.now, &Diversions::of(&self.history)) {
            if !self.follows {
                continue;
            }
            let ready = REGIONS.map(|name| (region(name), None)).into_iter().collect();
            if let Ok(change) = answer(&self.history, &wanted, &SafetyRules::default(), &ready) {
                self.history.insert(0, change.into_plan(Timestamp(0)));
            }
        }
    }

    fn share(&self, name: &str) -> u32 {
        Diversions::of(&self.history).share(Channel::Sms, &region(name)).unwrap_or(1_000)
    }

    /// What a region has of what goes to a country, in per mille.
    fn share_to(&self, name: &str, country: &str) -> u32 {
        let diversions = Diversions::of(&self.history);
        diversions.share_to(Channel::Sms, &Destination::named(country), &region(name)).unwrap_or(1_000)
    }

    fn shifts(&self) -> Vec<(&str, Subject)> {
        let shifts = self.findings.iter().filter(|finding| matches!(finding.advice, Advice::Shift { .. }));
        shifts.map(|finding| (finding.region.as_str(), finding.subject.clone())).collect()
    }
}

fn well(_: usize, _: usize) -> u32 {
    0
}

fn a_is_down(at: usize, _: usize) -> u32 {
    if at == 0 { 10 } else { 0 }
}

fn one_country_is_down(_: usize, country: usize) -> u32 {
    if country == 1 { 10 } else { 0 }
}

fn one_country_from_a_is_down(at: usize, country: usize) -> u32 {
    if at == 0 && country == 1 { 10 } else { 0 }
}

fn half_of_one_country_from_a_is_down(at: usize, country: usize) -> u32 {
    if at == 0 && country == 1 { 5 } else { 0 }
}

fn all_is_down(_: usize, _: usize) -> u32 {
    10
}

#[test]
fn a_region_whose_sends_fail_is_left_within_seconds_and_has_all_again_when_it_is_well() {
    let mut world = World::new();
    world.pass(900, well);
    assert_eq!(world.shifts(), []);
    world.pass(10, a_is_down);
    assert_eq!((world.share("a"), world.share("b")), (0, 1_000), "{:?}", world.findings);
    world.pass(30, a_is_down);
    assert_eq!(world.share("a"), 0);
    world.pass(300, well);
    assert_eq!(world.share("a"), 1_000, "{:?}", world.findings);
    assert_eq!(world.shifts().len(), 1);
    assert!(world.history[0].channel_weights.is_empty(), "the plan is as it was");
}

#[test]
fn a_region_that_stays_ill_gets_a_small_share_now_and_then_and_loses_it_again() {
    let mut world = World::new();
    world.pass(900, well);
    let mut most = 0;
    for _ in 0..600 {
        world.pass(1, a_is_down);
        most = most.max(if world.shifts().is_empty() { 0 } else { world.share("a") % 1_000 });
    }
    assert!((1..=100).contains(&most), "{most} per mille");
    assert!((2..=4).contains(&world.shifts().len()), "{:?}", world.shifts());
}

#[test]
fn a_country_that_is_down_everywhere_moves_nothing() {
    let mut world = World::new();
    world.pass(900, well);
    world.pass(300, one_country_is_down);
    assert_eq!(world.shifts(), []);
}

#[test]
fn a_country_that_is_down_from_one_region_leaves_it_alone_and_comes_back() {
    let mut world = World::new();
    world.pass(900, well);
    world.pass(30, one_country_from_a_is_down);
    assert_eq!(world.shifts(), [("a", Subject::Destination(Destination::named("+44")))], "{:?}", world.findings);
    assert_eq!((world.share_to("a", "+44"), world.share_to("b", "+44"), world.share("a")), (0, 1_000, 1_000));
    world.pass(300, well);
    assert_eq!((world.share_to("a", "+44"), world.shifts().len()), (1_000, 1), "{:?}", world.findings);
    assert!(world.history[0].diverted.is_empty(), "the plan is as it was");
}

/// An app's list may be bad; but where only one ever sends, that only its messages fail says nothing of it.
#[test]
fn a_country_that_only_one_app_sends_to_is_left_too() {
    let mut world = World::new();
    world.app_of_its_own = Some(1);
    world.pass(900, well);
    world.pass(60, one_country_from_a_is_down);
    assert_eq!(world.share_to("a", "+44"), 0, "{:?}", world.findings);
}

#[test]
fn a_region_that_fails_while_only_one_app_sends_is_left_too() {
    let mut world = World::new();
    world.pass(900, well);
    world.is_night = true;
    world.pass(60, well);
    world.pass(60, a_is_down);
    assert_eq!(world.share("a"), 0, "{:?}", world.findings);
}

/// Its events don't come. When it is back, what was sent before that never had one says nothing of it.
#[test]
fn a_country_whose_events_came_not_stays_when_it_is_back() {
    let mut world = World::new();
    world.pass(900, well);
    world.silent = Some((0, 1));
    let mut waited = 0;
    while world.share_to("a", "+44") > 0 {
        assert!(waited < 300, "{:?}", world.findings);
        world.pass(1, well);
        waited += 1;
    }
    world.silent = None;
    world.pass(300, well);
    assert_eq!((world.share_to("a", "+44"), world.shifts().len()), (1_000, 1), "{:?}", world.findings);
}

/// What is down everywhere is not learned as normal: after it, one region's fault is seen as before.
#[test]
fn a_country_that_was_down_everywhere_is_judged_as_before() {
    let mut world = World::new();
    world.pass(900, well);
    world.pass(900, one_country_is_down);
    world.pass(600, well);
    assert_eq!(world.shifts(), []);
    world.pass(120, half_of_one_country_from_a_is_down);
    assert_eq!(world.share_to("a", "+44"), 0, "{:?}", world.findings);
}

/// The provider is down: nothing moves, and nobody is told that all is well.
#[test]
fn what_is_down_from_everywhere_looks_ill() {
    let mut world = World::new();
    world.pass(900, well);
    world.pass(300, all_is_down);
    assert_eq!(world.shifts(), []);
    let views = world.watcher.views();
    assert!(views.len() == 3 && views.iter().all(|view| view.score > 0.0), "{views:?}");
}

/// Advice that nobody follows is no shift: the first that is made is away for the first hold.
#[test]
fn what_was_not_moved_makes_no_hold_longer() {
    let mut world = World::new();
    world.pass(900, well);
    world.follows = false;
    world.pass(300, one_country_from_a_is_down);
    world.follows = true;
    world.pass(30, one_country_from_a_is_down);
    let held = |finding: &&Finding| matches!(finding.advice, Advice::Shift { .. });
    let last = world.findings.iter().rfind(held).expect("a shift");
    assert_eq!(last.advice, Advice::Shift { hold: 60 }, "{:?}", world.findings);
}

/// It comes back when its hold is over, is ill again, and stays away for longer.
#[test]
fn a_country_that_stays_down_from_one_region_is_tried_now_and_then() {
    let mut world = World::new();
    world.pass(900, well);
    let mut away = 0;
    for _ in 0..900 {
        world.pass(1, one_country_from_a_is_down);
        away += u32::from(world.share_to("a", "+44") == 0);
    }
    let shifts = world.shifts();
    let alone = ("a", Subject::Destination(Destination::named("+44")));
    assert!((2..=5).contains(&shifts.len()) && shifts.iter().all(|shift| *shift == alone), "{shifts:?}");
    assert!(away > 800, "{away} of 900 s");
}

/// Another node that judges only now knows from the plan what is away, also when many others are busier.
#[test]
fn who_leads_later_brings_a_country_back_too() {
    let mut world = World::new();
    world.pass(900, well);
    world.pass(30, one_country_from_a_is_down);
    let World { history, .. } = world;
    let mut world = World { history, now: BEGIN + 1_000, ..World::new() };
    world.pass(5, well);
    assert_eq!(world.share_to("a", "+44"), 0, "not before its hold is over");
    world.pass(300, well);
    assert_eq!(world.share_to("a", "+44"), 1_000, "{:?}", world.findings);
}

#[test]
fn weights_that_a_person_gives_a_country_end_what_health_did_to_it() {
    let mut world = World::new();
    world.pass(900, well);
    world.pass(30, one_country_from_a_is_down);
    let to = Part::Scope(Scope::Destination(Channel::Sms, Destination::named("+44")));
    let weights = BTreeMap::from([(region("a"), 1), (region("b"), 1)]);
    let by_hand = set_weights(&world.history[0], to, weights, why("by hand")).expect("a change");
    assert!(by_hand.diverted.is_empty());
    world.history.insert(0, by_hand.into_plan(Timestamp(0)));
    world.pass(5, well);
    assert_eq!((world.share_to("a", "+44"), world.shifts().len()), (1_000, 1));
}

#[test]
fn what_a_rule_keeps_from_moving_is_advised_again() {
    let mut world = World::new();
    world.follows = false;
    world.pass(900, well);
    world.pass(60, one_country_from_a_is_down);
    assert!(world.shifts().len() > 1, "{:?}", world.findings);
    assert_eq!(world.share("a"), 1_000);
}

/// What is sent fails and no plan says anything: the detector takes its advice back and gives it again.
#[test]
fn advice_that_nobody_follows_is_taken_back_and_given_again() {
    let mut world = World::new();
    world.pass(900, well);
    world.follows = false;
    world.pass(60, a_is_down);
    assert!(world.shifts().len() > 1, "{:?}", world.findings);
    assert!(world.shifts().iter().all(|shift| *shift == ("a", Subject::Channel)));
}

/// Another node that judges only now knows from the plan that a region is away, and brings it back.
#[test]
fn who_leads_later_brings_back_what_an_earlier_leader_moved() {
    let mut world = World::new();
    world.pass(900, well);
    world.pass(10, a_is_down);
    assert_eq!(world.share("a"), 0);
    let World { history, .. } = world;
    let mut world = World { history, now: BEGIN + 1_000, ..World::new() };
    world.pass(5, well);
    assert_eq!(world.share("a"), 0, "not before its hold is over");
    world.pass(300, well);
    assert_eq!(world.share("a"), 1_000, "{:?}", world.findings);
}

/// A node that restarts, or is gone for long, hears nothing of what it sent before. That is no loss of events.
#[test]
fn restarts_make_nothing_look_missing() {
    let mut world = World::new();
    world.pass(900, well);
    for away in [1, 2, 5, 30, 300] {
        world.incarnations[0] = None;
        world.pass(away, well);
        world.incarnations[0] = Some(1 + away);
        world.counters[0] = Counter::default();
        world.pass(120, well);
    }
    assert_eq!(world.shifts(), [], "{:?}", world.findings);
}

/// A replica that lags hears of everything late, and of what came while it was replaced of nothing.
#[test]
fn a_replica_that_lags_makes_nothing_look_missing() {
    let mut world = World::new();
    world.pass(900, well);
    for lag in [10, 60, 0] {
        world.lags[0] = lag;
        world.pass(120, well);
    }
    world.events[0].clear();
    world.counters[0].missed_events(world.now);
    world.pass(120, well);
    assert_eq!(world.shifts(), [], "{:?}", world.findings);
}
