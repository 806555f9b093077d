//! When what goes wrong: a schedule made from the seed, as data.

use model::id::NodeId;

use super::builds::SETTLED_MS;
use super::faults::{FOR_GOOD, Fault, Planned, Tick};
use super::layout::Layout;
use super::settings::{Scene, Settings};
use super::world::SimRandom;

/// How long a fault of the network or a crash lasts, in milliseconds.
const LASTS_MS: (u64, u64) = (600, 5_000);
/// How long it takes from asking a node to stop until it starts again, in milliseconds. When it still runs then, it is
/// killed.
const STOP_MS: (u64, u64) = (400, 8_000);
/// How long a node is down that its supervisor starts again at once, in milliseconds.
pub const RESTART_MS: (u64, u64) = (20, 400);
/// Where nodes are only killed: how long nothing happens between two of these, in milliseconds, and how seldom all are
/// killed at once, one in this many.
const UP_MS: (u64, u64) = (400, 2_000);
const CRASH_ALL_ONE_IN: u64 = 3;
/// How long nothing happens between two of them, in milliseconds.
const PAUSE_MS: (u64, u64) = (300, 3_500);
/// How far ahead or behind a wall clock is set at most, in milliseconds; one of these is drawn.
const OFF_MAX_MS: [u64; 4] = [4_000, 50 * 60_000, 3 * 3_600_000, 50 * 86_400_000];
/// How long a line is cut, in milliseconds: longer than everything may take that a promise allows.
const CUT_MS: (u64, u64) = (9_000, 14_000);
/// How long all is well between two of these, in milliseconds: long enough for leaders to go back where they belong.
const WELL_MS: (u64, u64) = (14_000, 17_000);
/// How often a node is upgraded at the end, and how long it is down then at most, in milliseconds.
const UPGRADE_EVERY_MS: u64 = 8_000;
const UPGRADE_MS: u64 = 4_000;
/// How long everything sleeps where what is kept long enough gets old, in hours; one of these is drawn. It is longer than
/// settled messages are kept (72 h), or their traces too (90 days).
const SLEEP_HOURS: [u64; 2] = [73, 91 * 24];

/// Makes the schedule for the time from `from` to `to`.
pub fn schedule(settings: &Settings, seed: u64, from: Tick, to: Tick) -> Vec<Planned> {
    let random = SimRandom::new(seed);
    let nodes = settings.layout.nodes();
    match settings.scene {
        Scene::Mixed | Scene::Overload => mixed(&random, settings.layout, from, to),
        Scene::Crashes => crashes(&random, nodes, from, to),
        Scene::Retention => {
            let mut planned = mixed(&random, settings.layout, from, to);
            let hours = SLEEP_HOURS[random.below(SLEEP_HOURS.len() as u64) as usize];
            planned.push(Planned { from: from + (to - from) * 2 / 3, lasts: 0, fault: Fault::SleepAll(hours) });
            planned.sort_by_key(|planned| planned.from);
            planned
        }
        Scene::Upgrade => {
            let settled = to.saturating_sub(SETTLED_MS);
            let mut planned = mixed(&random, settings.layout, from, settled);
            // Whatever they are, they are newer builds from here on.
            planned.extend((1..).zip(nodes).map(|(number, node)| Planned {
                from: settled + number * UPGRADE_EVERY_MS,
                lasts: UPGRADE_MS,
                fault: Fault::Stop(*node),
            }));
            planned
        }
        Scene::Lines => one_at_a_time(&random, from, to, |random| {
            let lines = [(1, 2), (2, 3), (1, 3)];
            vec![cut_one_of(random, &lines)]
        }),
        Scene::Crossed => one_at_a_time(&random, from, to, |random| {
            let pairs = [[(1, 2), (3, 4)], [(1, 3), (2, 4)], [(1, 4), (2, 3)]];
            pairs[random.below(3) as usize].iter().map(|line| cut_one_of(random, &[*line])).collect()
        }),
    }
}

/// Lets all be well, then these lines be cut together, again and again.
fn one_at_a_time(random: &SimRandom, from: Tick, to: Tick, faults: impl Fn(&SimRandom) -> Vec<Fault>) -> Vec<Planned> {
    let between = |(least, most): (u64, u64)| least + random.below(most - least);
    let mut planned = Vec::new();
    let mut at = from + between(WELL_MS);
    while at < to {
        let lasts = between(CUT_MS);
        planned.extend(faults(random).into_iter().map(|fault| Planned { from: at, lasts, fault }));
        at += lasts + between(WELL_MS);
    }
    planned
}

/// Cuts one of the lines: both ways, or one, so that one end hears the other and isn't heard; or holds back what goes
/// over it.
fn cut_one_of(random: &SimRandom, lines: &[(u64, u64)]) -> Fault {
    let (a, b) = lines[random.below(lines.len() as u64) as usize];
    let (a, b) = (NodeId(a), NodeId(b));
    match random.below(6) {
        0..2 => Fault::Cut(a, b),
        2 => Fault::Hold(a, b),
        3..5 => Fault::OneWay(a, b),
        _ => Fault::OneWay(b, a),
    }
}

/// Makes the schedule of [`Scene::Mixed`]: faults of the network and crashes one after the other, wall
/// clocks beside them, one at a time. At most one disk is lost, and none where an operator replaces nodes: these are
/// lost with theirs. With half of the seeds the last wall clock that is set stays wrong.
fn mixed(random: &SimRandom, layout: Layout, from: Tick, to: Tick) -> Vec<Planned> {
    let between = |(least, most): (u64, u64)| least + random.below(most - least);
    let nodes = layout.nodes();
    let mut planned = Vec::new();
    let mut disk_lost = layout.operator().is_some();
    let mut at = from + between(PAUSE_MS);
    while at < to {
        let mut fault = draw(random, nodes);
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
    planned.extend(wall_clocks(random, nodes, from, to));
    planned.sort_by_key(|planned| planned.from);
    planned
}

/// Makes the schedule of [`Scene::Crashes`].
fn crashes(random: &SimRandom, nodes: &[NodeId], from: Tick, to: Tick) -> Vec<Planned> {
    let between = |(least, most): (u64, u64)| least + random.below(most - least);
    let mut planned = Vec::new();
    let mut at = from + between(UP_MS);
    while at < to {
        let one = Fault::Crash(nodes[random.below(nodes.len() as u64) as usize]);
        let fault = if random.below(CRASH_ALL_ONE_IN) == 0 { Fault::CrashAll } else { one };
        let lasts = between(RESTART_MS);
        planned.push(Planned { from: at, lasts, fault });
        at += lasts + between(UP_MS);
    }
    planned.extend(wall_clocks(random, nodes, from, to));
    planned.sort_by_key(|planned| planned.from);
    planned
}

fn wall_clocks(random: &SimRandom, nodes: &[NodeId], from: Tick, to: Tick) -> Vec<Planned> {
    let between = |(least, most): (u64, u64)| least + random.below(most - least);
    let mut planned = Vec::new();
    let mut at = from + between((1_000, 8_000));
    while at < to {
        let lasts = between(LASTS_MS);
        let node = nodes[random.below(nodes.len() as u64) as usize];
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

fn draw(random: &SimRandom, nodes: &[NodeId]) -> Fault {
    let count = nodes.len() as u64;
    let first = random.below(count);
    let second = (first + 1 + random.below(count - 1)) % count;
    let (a, b) = (nodes[first as usize], nodes[second as usize]);
    match random.below(29) {
        0..4 => Fault::Isolate(a),
        4..7 => Fault::OneWay(a, b),
        7..9 => Fault::Hold(a, b),
        9..12 => Fault::Crash(a),
        12..14 => Fault::CrashAll,
        14 => Fault::LoseDisk(a),
        15 => Fault::RestartIsolated(a),
        16..19 => Fault::Pause(a),
        19..22 => Fault::Suspend(a),
        22..24 => Fault::SlowDisk(a),
        24..26 => Fault::FullDisk(a),
        _ => Fault::Stop(a),
    }
}
