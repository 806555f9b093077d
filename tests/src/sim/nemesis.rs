//! What goes wrong in a run: a schedule made from the seed as data, and the one who carries it out.

use std::fmt;
use std::sync::Arc;

use model::id::NodeId;

use super::cluster::{Cluster, NODES, name, region};
use super::history::{Place, Tick};
use super::world::SimRandom;

/// How long a fault of the network or a crash lasts, in milliseconds.
const LASTS_MS: (u64, u64) = (600, 5_000);
/// How long it takes from asking a node to stop until it starts again, in milliseconds. When it still runs then, it is
/// killed.
const STOP_MS: (u64, u64) = (400, 8_000);
/// How long a node is down that its supervisor starts again at once, in milliseconds.
const RESTART_MS: (u64, u64) = (20, 400);
/// How long nothing happens between two of them, in milliseconds.
const PAUSE_MS: (u64, u64) = (300, 3_500);
/// How far ahead or behind a wall clock is set at most, in milliseconds; one of these is drawn.
const OFF_MAX_MS: [u64; 4] = [4_000, 50 * 60_000, 3 * 3_600_000, 50 * 86_400_000];

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A region reaches no other and is reached by none.
    Isolate(NodeId),
    /// What the first sends to the second is lost.
    OneWay(NodeId, NodeId),
    /// What two regions send each other is held back, and arrives at the end.
    Hold(NodeId, NodeId),
    /// A node loses power.
    Crash(NodeId),
    /// A node is asked to stop, and starts again. One that doesn't stop in time crashes.
    Stop(NodeId),
    /// A node loses power between two operations on its disk, while it takes in a snapshot. Not of the schedule.
    LosePower(NodeId),
    /// A node stops, and starts again with an empty disk.
    LoseDisk(NodeId),
    /// All nodes lose power at once.
    CrashAll,
    /// A region is isolated, and its node loses power and starts again meanwhile.
    RestartIsolated(NodeId),
    /// A node's wall clock is ahead by so many milliseconds; behind, when that is negative.
    WallClock(NodeId, i64),
}

/// How long a fault lasts that is never over.
pub const FOR_GOOD: u64 = u64::MAX;

/// A fault with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// When it begins.
    pub from: Tick,
    /// How many milliseconds it lasts; [`FOR_GOOD`] when it isn't healed at the end either.
    pub lasts: u64,
    /// What it is.
    pub fault: Fault,
}

impl Fault {
    /// Says whether a node was stopped or cut off from somebody.
    pub fn cuts_off(&self, node: NodeId) -> bool {
        match self {
            Fault::Isolate(hit)
            | Fault::Crash(hit)
            | Fault::LosePower(hit)
            | Fault::LoseDisk(hit)
            | Fault::RestartIsolated(hit) => *hit == node,
            Fault::OneWay(from, to) | Fault::Hold(from, to) => *from == node || *to == node,
            Fault::CrashAll => true,
            // Whoever stops in order records first what it began.
            Fault::Stop(_) | Fault::WallClock(..) => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Isolate(node) => write!(f, "isolate {}", name(*node)),
            Fault::OneWay(from, to) => write!(f, "lose {} to {}", name(*from), name(*to)),
            Fault::Hold(a, b) => write!(f, "hold {} and {}", name(*a), name(*b)),
            Fault::Crash(node) => write!(f, "crash {}", name(*node)),
            Fault::Stop(node) => write!(f, "stop {}", name(*node)),
            Fault::LosePower(node) => write!(f, "lose the power of {}", name(*node)),
            Fault::LoseDisk(node) => write!(f, "lose the disk of {}", name(*node)),
            Fault::CrashAll => f.write_str("crash all"),
            Fault::RestartIsolated(node) => write!(f, "isolate and restart {}", name(*node)),
            Fault::WallClock(node, ahead) => write!(f, "set the wall clock of {} off by {ahead} ms", name(*node)),
        }
    }
}

/// Makes the schedule for the time from `from` to `to`: faults of the network and crashes one after the other, wall
/// clocks beside them, one at a time. At most one disk is lost. With half of the seeds the last wall clock that is set
/// stays wrong.
pub fn schedule(seed: u64, from: Tick, to: Tick) -> Vec<Planned> {
    let random = SimRandom::new(seed);
    let between = |(least, most): (u64, u64)| least + random.below(most - least);
    let mut planned = Vec::new();
    let mut disk_lost = false;
    let mut at = from + between(PAUSE_MS);
    while at < to {
        let mut fault = draw(&random);
        if let Fault::LoseDisk(node) = fault {
            // One region may be lost with its disk, not the next one before it recovered.
            fault = if std::mem::replace(&mut disk_lost, true) { Fault::Crash(node) } else { fault };
        }
        let quick = matches!(fault, Fault::Crash(_) | Fault::CrashAll) && random.below(2) == 0;
        let lasts = match fault {
            Fault::Stop(_) => between(STOP_MS),
            _ if quick => between(RESTART_MS),
            _ => between(LASTS_MS),
        };
        planned.push(Planned { from: at, lasts, fault });
        at += lasts + between(PAUSE_MS);
    }
    planned.extend(wall_clocks(&random, from, to));
    planned.sort_by_key(|planned| planned.from);
    planned
}

fn wall_clocks(random: &SimRandom, from: Tick, to: Tick) -> Vec<Planned> {
    let between = |(least, most): (u64, u64)| least + random.below(most - least);
    let mut planned = Vec::new();
    let mut at = from + between((1_000, 8_000));
    while at < to {
        let lasts = between(LASTS_MS);
        let node = NODES[random.below(NODES.len() as u64) as usize];
        let most = OFF_MAX_MS[random.below(OFF_MAX_MS.len() as u64) as usize];
        let off = i64::try_from(1 + random.below(most)).unwrap_or(i64::MAX);
        let ahead = if random.below(2) == 0 { off } else { -off };
        planned.push(Planned { from: at, lasts, fault: Fault::WallClock(node, ahead) });
        at += lasts + between((2_000, 8_000));
    }
    if let Some(last) = planned.last_mut().filter(|_| random.below(2) == 0) {
        last.lasts = FOR_GOOD;
    }
    planned
}

fn draw(random: &SimRandom) -> Fault {
    let count = NODES.len() as u64;
    let first = random.below(count);
    let second = (first + 1 + random.below(count - 1)) % count;
    let (a, b) = (NODES[first as usize], NODES[second as usize]);
    match random.below(19) {
        0..4 => Fault::Isolate(a),
        4..7 => Fault::OneWay(a, b),
        7..9 => Fault::Hold(a, b),
        9..12 => Fault::Crash(a),
        12..14 => Fault::CrashAll,
        14 => Fault::LoseDisk(a),
        15 => Fault::RestartIsolated(a),
        _ => Fault::Stop(a),
    }
}

/// Carries out a schedule.
pub struct Nemesis {
    cluster: Arc<Cluster>,
    waiting: std::collections::VecDeque<Planned>,
    lasting: Vec<Lasting>,
    random: SimRandom,
}

struct Lasting {
    until: Tick,
    /// When a node that is down starts again before the end.
    restart: Option<Tick>,
    fault: Fault,
    place: Place,
}

impl Nemesis {
    /// Begins a schedule, which is ordered by time.
    pub fn new(cluster: Arc<Cluster>, planned: Vec<Planned>) -> Nemesis {
        Nemesis { random: cluster.random(), cluster, waiting: planned.into(), lasting: Vec::new() }
    }

    /// Says whether everything is over.
    pub fn is_done(&self) -> bool {
        let power_is_lost = NODES.into_iter().any(|node| self.cluster.disk(node).has_lost_power());
        let all_over = self.lasting.iter().all(|lasting| lasting.until == FOR_GOOD);
        self.waiting.is_empty() && all_over && !power_is_lost
    }

    /// Begins and ends what is due.
    pub fn step(&mut self, sim: &mut turmoil::Sim<'_>, now: Tick) {
        for lasting in &mut self.lasting {
            if lasting.restart.is_some_and(|at| at <= now) {
                lasting.restart = None;
                if let Fault::RestartIsolated(node) = lasting.fault {
                    sim.bounce(name(node));
                }
            }
        }
        for stopped in self.cluster.take_ended() {
            self.kill(sim, stopped);
        }
        for node in NODES {
            if self.cluster.disk(node).has_lost_power() {
                let fault = Fault::LosePower(node);
                let place = self.cluster.history.fault_begins(&fault);
                self.kill(sim, node);
                self.lose_power(node);
                let until = now + RESTART_MS.0 + self.random.below(RESTART_MS.1 - RESTART_MS.0);
                self.lasting.push(Lasting { until, restart: None, fault, place });
            }
        }
        let (over, lasting) = std::mem::take(&mut self.lasting).into_iter().partition(|fault| fault.until <= now);
        self.lasting = lasting;
        for ended in over {
            self.end(sim, &ended.fault);
            self.cluster.history.fault_ends(ended.place);
        }
        while let Some(next) = self.waiting.pop_front_if(|next| next.from <= now) {
            let place = self.cluster.history.fault_begins(&next.fault);
            self.begin(sim, &next.fault);
            let restart = Some(now.saturating_add(next.lasts / 3));
            let until = now.saturating_add(next.lasts);
            self.lasting.push(Lasting { until, restart, fault: next.fault, place });
        }
    }

    fn begin(&self, sim: &mut turmoil::Sim<'_>, fault: &Fault) {
        match fault {
            Fault::Isolate(node) => others(*node).for_each(|other| sim.partition(name(*node), name(other))),
            Fault::OneWay(from, to) => sim.partition_oneway(name(*from), name(*to)),
            Fault::Hold(a, b) => sim.hold(name(*a), name(*b)),
            Fault::Crash(node) | Fault::LosePower(node) => self.crash(sim, *node),
            Fault::Stop(node) => self.cluster.ask_to_stop(*node),
            Fault::LoseDisk(node) => {
                self.crash(sim, *node);
                self.cluster.disk(*node).lose();
                self.cluster.history.lost_power(region(*node));
            }
            Fault::CrashAll => NODES.into_iter().for_each(|node| self.crash(sim, node)),
            Fault::RestartIsolated(node) => {
                others(*node).for_each(|other| sim.partition(name(*node), name(other)));
                self.crash(sim, *node);
            }
            Fault::WallClock(node, ahead) => self.cluster.clock(*node).jump(*ahead),
        }
    }

    fn end(&self, sim: &mut turmoil::Sim<'_>, fault: &Fault) {
        match fault {
            Fault::Isolate(node) | Fault::RestartIsolated(node) => {
                others(*node).for_each(|other| sim.repair(name(*node), name(other)));
            }
            Fault::OneWay(from, to) => sim.repair_oneway(name(*from), name(*to)),
            Fault::Hold(a, b) => sim.release(name(*a), name(*b)),
            Fault::Crash(node) | Fault::LosePower(node) | Fault::LoseDisk(node) => sim.bounce(name(*node)),
            Fault::Stop(node) => {
                if self.cluster.running().contains_key(node) {
                    let place = self.cluster.history.fault_begins(&Fault::Crash(*node));
                    self.crash(sim, *node);
                    self.cluster.history.fault_ends(place);
                }
                sim.bounce(name(*node));
            }
            Fault::CrashAll => NODES.into_iter().for_each(|node| sim.bounce(name(node))),
            Fault::WallClock(node, _) => self.cluster.clock(*node).jump(0),
        }
    }

    /// Crashes a node. One time in two its machine loses power with it, and is booted again.
    fn crash(&self, sim: &mut turmoil::Sim<'_>, node: NodeId) {
        self.kill(sim, node);
        if self.random.below(2) == 0 {
            self.lose_power(node);
        }
    }

    /// The machine is booted again: it lost what was not synced.
    fn lose_power(&self, node: NodeId) {
        self.cluster.clock(node).reboot();
        self.cluster.disk(node).forget_unsynced();
        self.cluster.history.lost_power(region(node));
    }

    /// The node stops first, so that nothing of it writes after its disk forgot.
    fn kill(&self, sim: &mut turmoil::Sim<'_>, node: NodeId) {
        sim.crash(name(node));
        self.cluster.forget(node);
        self.cluster.disk(node).crash();
    }
}

fn others(node: NodeId) -> impl Iterator<Item = NodeId> {
    NODES.into_iter().filter(move |other| *other != node)
}
