//! Nodes with clocks, the network between them, and who leads: what `main.rs` lets go wrong. True time is in
//! milliseconds since the world began; wall clocks show it beside an error.

use std::collections::BTreeMap;
use std::time::Duration;

use model::address::mix;
use model::id::{NodeId, RegionId};
use model::time::{BootTime, Timestamp};
use traffic::cluster_time::{
    ClusterClock, GroupClock, Heard, Leap, NotBlocked, OwnTime, Record, Source, TimeRules, TimeStatus,
};

/// What wall clocks show when the world begins, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_700_000_000_000;
const TICK_MS: u64 = 5;
const CALL_EVERY_MS: u64 = 250;
const LOOK_EVERY_MS: u64 = 100;
const STAMP_EVERY_MS: u64 = 50;
/// How long one way takes.
const DELAY_MS: (u64, u64) = (5, 80);
/// By how much a node's own clock runs too fast or slow at most, in per mille.
const RATE_ERROR_MAX: u64 = 9;
/// How far a wall clock that is right is off at most.
const WALL_ERROR_MAX_MS: u64 = 20;
/// How long a node votes for nobody after its start.
const VOTE_HOLD_OFF_MS: u64 = 500;
/// How long a cut lasts at most.
const CUT_MAX_MS: u64 = 15_000;
/// The most that a stamp may be off.
const OFF_MAX_MS: i64 = 1_000;

/// How often what goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub loss_per_mille: u64,
    pub jump_per_100_000: u64,
    pub cut_per_100_000: u64,
    pub restart_per_100_000: u64,
    pub reboot_per_100_000: u64,
    pub reboot_all_per_100_000: u64,
    pub elect_per_10_000: u64,
}

struct Node {
    rate_permille: u64,
    /// What the own clock showed at true time `booted`.
    boot_at_start: u64,
    booted: u64,
    started: u64,
    wall_error_ms: i64,
    cut_until: u64,
    clock: ClusterClock,
    group: GroupClock,
}

enum Flight {
    /// A call on its way to be answered.
    Asked {
        from: usize,
        to: usize,
        sent: BootTime,
        started: u64,
        back_ms: u64,
    },
    Answered {
        to: usize,
        started: u64,
        heard: Heard,
    },
}

pub struct World {
    now: u64,
    random: u64,
    faults: Faults,
    nodes: Vec<Node>,
    regions: BTreeMap<NodeId, RegionId>,
    /// The one whose wall clock is wrong.
    wrong: usize,
    leader: usize,
    last: Timestamp,
    flights: BTreeMap<u64, Vec<Flight>>,
    pub violations: Vec<String>,
    pub counts: BTreeMap<&'static str, u64>,
}

impl World {
    /// A world whose nodes all start now.
    pub fn new(seed: u64, count: usize, faults: Faults) -> World {
        let mut world = World {
            now: 0,
            random: seed,
            faults,
            nodes: Vec::new(),
            regions: (0..count).map(|at| (id(at), RegionId::from_stored(format!("r{at}")))).collect(),
            wrong: 0,
            leader: 0,
            last: Timestamp(0),
            flights: BTreeMap::new(),
            violations: Vec::new(),
            counts: BTreeMap::new(),
        };
        world.wrong = world.below(count as u64) as usize;
        for at in 0..count {
            let rate_permille = 1_000 - RATE_ERROR_MAX + world.below(2 * RATE_ERROR_MAX + 1);
            let wall_error_ms = world.below(2 * WALL_ERROR_MAX_MS + 1) as i64 - WALL_ERROR_MAX_MS as i64;
            let boot_at_start = world.below(1 << 50);
            let clock = ClusterClock::new(TimeRules::default(), id(at), Record::default(), BootTime(boot_at_start));
            let group = GroupClock::new(Timestamp(0), BootTime(boot_at_start));
            let (booted, started, cut_until) = (0, 0, 0);
            let node = Node { rate_permille, boot_at_start, booted, started, wall_error_ms, cut_until, clock, group };
            world.nodes.push(node);
        }
        world
    }

    /// A world in which nothing goes wrong by itself, and the time is known.
    pub fn quiet(count: usize) -> World {
        let mut world = World::new_down(count);
        world.run(Duration::from_secs(2));
        world
    }

    /// A world in which nothing goes wrong by itself, at its first moment.
    pub fn new_down(count: usize) -> World {
        World::new(1, count, Faults::default())
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time.as_millis() as u64;
        while self.now < end {
            self.tick();
        }
    }

    pub fn set_wall(&mut self, node: usize, error_ms: i64) {
        self.nodes[node].wall_error_ms = error_ms;
    }

    pub fn cut(&mut self, node: usize) {
        self.nodes[node].cut_until = u64::MAX;
    }

    pub fn heal(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.cut_until = 0);
    }

    /// Starts the process again; what it stored is found.
    pub fn restart(&mut self, at: usize) {
        let record = self.nodes[at].clock.record();
        self.start(at, record);
    }

    /// Boots the machine again: its own clock begins anew.
    pub fn reboot(&mut self, at: usize) {
        let boot_at_start = self.below(1 << 50);
        let node = &mut self.nodes[at];
        (node.boot_at_start, node.booted) = (boot_at_start, self.now);
        let record = Record { line: None, ..node.clock.record() };
        self.start(at, record);
    }

    /// Boots all machines again after they were off.
    pub fn reboot_all(&mut self, off: Duration) {
        self.flights.clear();
        self.now += off.as_millis() as u64;
        (0..self.nodes.len()).for_each(|at| self.reboot(at));
    }

    /// Stops a machine with all its clocks, and lets it go on.
    pub fn stand_still(&mut self, at: usize, still: Duration) {
        let rate = self.set_rate(at, 0);
        self.cut(at);
        self.run(still);
        self.set_rate(at, rate);
        self.nodes[at].wall_error_ms -= still.as_millis() as i64;
        self.nodes[at].cut_until = 0;
    }

    fn set_rate(&mut self, at: usize, rate_permille: u64) -> u64 {
        let node = &mut self.nodes[at];
        (node.boot_at_start, node.booted) = (node.boot(self.now), self.now);
        std::mem::replace(&mut node.rate_permille, rate_permille)
    }

    pub fn accept(&mut self, at: usize) -> Result<Leap, NotBlocked> {
        self.nodes[at].clock.accept()
    }

    pub fn status(&self, at: usize) -> TimeStatus {
        self.nodes[at].clock.status(self.boot(at))
    }

    pub fn statuses(&self) -> Vec<TimeStatus> {
        (0..self.nodes.len()).map(|at| self.status(at)).collect()
    }

    /// Returns how far the time of a node is ahead of true time.
    pub fn off(&self, at: usize) -> Option<i64> {
        let time = self.nodes[at].clock.time(self.boot(at))?;
        Some(time.0 as i64 - EPOCH_MS - self.now as i64)
    }

    pub fn check(&self, at: usize, off_max: i64) {
        let off = self.off(at);
        assert!(off.is_some_and(|off| off.abs() <= off_max), "node {at} is off by {off:?} ms");
    }

    pub fn check_all(&self, off_max: i64) {
        (0..self.nodes.len()).for_each(|at| self.check(at, off_max));
        assert_eq!(self.violations, Vec::<String>::new());
    }

    fn tick(&mut self) {
        self.now += TICK_MS;
        self.go_wrong();
        let due: Vec<u64> = self.flights.range(..=self.now).map(|(at, _)| *at).collect();
        for at in due {
            self.flights.remove(&at).unwrap_or_default().into_iter().for_each(|flight| self.arrive(flight));
        }
        for at in 0..self.nodes.len() {
            let phase = self.now + 35 * at as u64;
            if phase.is_multiple_of(CALL_EVERY_MS) {
                self.call(at);
            }
            if phase.is_multiple_of(LOOK_EVERY_MS) {
                let (now, wall) = (self.boot(at), self.wall(at));
                self.nodes[at].clock.look(now, wall, &self.regions);
            }
        }
        if self.now.is_multiple_of(STAMP_EVERY_MS) {
            self.stamp();
        }
    }

    fn go_wrong(&mut self) {
        let faults = self.faults;
        let any = self.below(self.nodes.len() as u64) as usize;
        if self.happens(faults.jump_per_100_000) {
            self.nodes[self.wrong].wall_error_ms = self.anything();
        }
        if self.happens(faults.cut_per_100_000) {
            self.nodes[any].cut_until = self.now + self.below(CUT_MAX_MS);
        }
        if self.happens(faults.restart_per_100_000) {
            self.restart(any);
        }
        if self.happens(faults.reboot_per_100_000) {
            self.reboot(any);
        }
        if self.happens(faults.reboot_all_per_100_000) {
            (0..self.nodes.len()).for_each(|at| self.reboot(at));
        }
        if self.happens(10 * faults.elect_per_10_000) || !self.can_lead(self.leader) {
            self.leader = any;
        }
    }

    /// An error of a wall clock: small, by hours, or as large as can be.
    fn anything(&mut self) -> i64 {
        let size = [2_000, 60_000, 3_700_000, 86_400_000, 1 << 41][self.below(5) as usize];
        self.below(2 * size) as i64 - size as i64
    }

    fn call(&mut self, from: usize) {
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let (there_ms, back_ms) = (self.delay(), self.delay());
            if self.below(1_000) < self.faults.loss_per_mille {
                continue;
            }
            let (sent, started) = (self.boot(from), self.nodes[from].started);
            let flight = Flight::Asked { from, to, sent, started, back_ms };
            self.flights.entry(self.now + there_ms).or_default().push(flight);
        }
    }

    fn arrive(&mut self, flight: Flight) {
        match flight {
            Flight::Asked { from, to, sent, started, back_ms } => {
                if self.is_cut(from) || self.is_cut(to) {
                    return;
                }
                let time: Option<OwnTime> = self.nodes[to].clock.own_time(self.boot(to));
                let heard = Heard { node: id(to), sent, arrived: sent, wall: self.wall(to), time };
                let flight = Flight::Answered { to: from, started, heard };
                self.flights.entry(self.now + back_ms).or_default().push(flight);
            }
            Flight::Answered { to, started, heard } => {
                if !self.is_cut(to) && self.nodes[to].started == started {
                    let arrived = self.boot(to);
                    self.nodes[to].clock.heard(Heard { arrived, ..heard });
                }
            }
        }
    }

    /// The leader stamps, and everybody that it reaches applies it.
    fn stamp(&mut self) {
        let at = self.leader;
        if !self.can_lead(at) {
            return;
        }
        let now = self.boot(at);
        let Some(cluster) = self.nodes[at].clock.time(now) else {
            self.nodes[at].clock.wanted(now);
            self.count("time not known");
            return;
        };
        self.nodes[at].group.stamped(self.last, now);
        let stamp = self.nodes[at].group.now(cluster, now);
        let status = self.status(at);
        let off = stamp.0 as i64 - EPOCH_MS - self.now as i64;
        let is_off = off > OFF_MAX_MS || (off < -OFF_MAX_MS && status.source == Source::Line);
        if is_off && self.faults.elect_per_10_000 + self.faults.jump_per_100_000 > 0 {
            let true_ms = self.now;
            self.violations.push(format!("at {true_ms} node {at} stamps {off} ms off: {status:?}"));
        }
        if stamp < self.last {
            self.violations.push(format!("node {at} stamps {stamp} after {}", self.last));
        }
        self.last = stamp;
        for node in (0..self.nodes.len()).filter(|node| !self.is_cut(*node)).collect::<Vec<_>>() {
            let now = self.boot(node);
            self.nodes[node].group.stamped(stamp, now);
        }
        self.count(match status.source {
            Source::Lower => "stamped by the lower clock",
            _ if status.off_ms.is_some() => "stamped by a node that is off",
            _ => "stamped by the line",
        });
    }

    /// A leader reaches a majority.
    fn can_lead(&self, at: usize) -> bool {
        let reached = (0..self.nodes.len()).filter(|node| !self.is_cut(*node)).count();
        let votes = self.now >= self.nodes[at].started + 2 * VOTE_HOLD_OFF_MS;
        votes && !self.is_cut(at) && 2 * reached > self.nodes.len()
    }

    fn is_cut(&self, at: usize) -> bool {
        self.nodes[at].cut_until > self.now
    }

    fn start(&mut self, at: usize, record: Record) {
        let boot = self.boot(at);
        let (now, last) = (self.now, self.last);
        let node = &mut self.nodes[at];
        node.started = now;
        node.clock = ClusterClock::new(TimeRules::default(), id(at), record, boot);
        node.group = GroupClock::new(last, boot);
    }

    fn boot(&self, at: usize) -> BootTime {
        BootTime(self.nodes[at].boot(self.now))
    }

    fn wall(&self, at: usize) -> Timestamp {
        let ms = EPOCH_MS + self.now as i64 + self.nodes[at].wall_error_ms;
        Timestamp(u64::try_from(ms).unwrap_or(0))
    }

    fn delay(&mut self) -> u64 {
        DELAY_MS.0 + self.below(DELAY_MS.1 - DELAY_MS.0)
    }

    fn happens(&mut self, per_100_000: u64) -> bool {
        self.below(100_000) < per_100_000
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.random) % bound
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

impl Node {
    fn boot(&self, now: u64) -> u64 {
        self.boot_at_start + (now - self.booted) * self.rate_permille * 1_000
    }
}

fn id(at: usize) -> NodeId {
    NodeId(at as u64 + 1)
}
