//! A model of a correct cluster under faults, as far as callers and the provider see it: it makes histories that no
//! check may object to. It knows nothing of the checks' rules; its figures are those of docs/lease.md at 80 ms.

mod plans;
pub mod random;
mod registers;
mod sends;
mod shared;

use std::collections::BTreeMap;

use crate::history::{AlarmsSeen, Fault, FaultKind, Line, Micros, Region, Setting, Upgrade};
use plans::Plans;
use random::Random;

pub const REGIONS: usize = 3;
const KINDS: [FaultKind; 10] = [
    FaultKind::Kill,
    FaultKind::PowerCut,
    FaultKind::Isolation,
    FaultKind::CutLine,
    FaultKind::CutOneWay,
    FaultKind::Pause,
    FaultKind::ClockJump,
    FaultKind::SlowDisk,
    FaultKind::FullDisk,
    FaultKind::LostDisk,
];
/// How long a region holds what it has of others' messages, and works on, after it was cut off: its lease.
const LEASE: Micros = 1_000_000;
/// How long after a loss the region is evacuated, and everything moves.
const EVACUATED_AFTER: Micros = 1_500_000;
const MOVED_AFTER: Micros = 2_400_000;
/// How long after the end of a fault its region hears the rest, and gets its share back.
const HEARS_AFTER: Micros = 300_000;
const RESTORED_AFTER: Micros = 4_000_000;
/// The longest that a dispatch is on its way.
const FLIGHT_MAX: Micros = 100_000;
const FIRST_FAULT: Micros = 10_000_000;
const AFTER_LAST_FAULT: Micros = 30_000_000;

/// What a history is made from.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub seed: u64,
    /// How many messages are asked for in a second.
    pub sends_per_second: u64,
    pub faults: Vec<Planned>,
}

/// A fault to come.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its place among the kinds of faults.
    pub kind: usize,
    pub region: Region,
    pub lasts_ms: u64,
    /// How long everything rests until the next one.
    pub rests_ms: u64,
}

/// A history under way.
struct Model {
    random: Random,
    faults: Vec<Fault>,
    plans: Plans,
    ended: Micros,
    lines: Vec<Line>,
}

/// Makes a history.
pub fn history(scenario: &Scenario) -> Vec<Line> {
    let faults = faults(scenario);
    let load_ends = faults.last().map_or(FIRST_FAULT, |fault| fault.ended_us) + AFTER_LAST_FAULT;
    let plans = Plans::new(&faults);
    let mut model = Model { random: Random(scenario.seed), faults, plans, ended: load_ends, lines: Vec::new() };
    model.lines.push(Line::Setting(Setting {
        seed: scenario.seed,
        command: format!("scripts/chaos run --seed {}", scenario.seed),
        regions: ["us-east-1", "eu-west-1", "ap-southeast-2"].map(str::to_owned).to_vec(),
        witness: None,
        round_trip_ms: 80,
        flight_max_us: FLIGHT_MAX,
        length_us: load_ends,
        skipped: BTreeMap::from([("full disk".to_owned(), "no loop device on this machine".to_owned())]),
    }));
    model.lines.extend(model.faults.iter().cloned().map(Line::Fault));
    model.show_plans();
    model.show_readiness();
    model.send(scenario.sends_per_second);
    model.use_registers();
    model.share_registers();
    model.upgrade();
    model.lines
}

fn faults(scenario: &Scenario) -> Vec<Fault> {
    let mut begun_us = FIRST_FAULT;
    let faults = scenario.faults.iter().map(|planned| {
        let kind = KINDS[planned.kind % KINDS.len()];
        let is_line = matches!(kind, FaultKind::CutLine | FaultKind::CutOneWay);
        let other = is_line.then_some((planned.region + 1) % REGIONS);
        let ended_us = begun_us + planned.lasts_ms * 1_000;
        let fault = Fault { kind, region: planned.region, other, begun_us, ended_us };
        begun_us = ended_us + planned.rests_ms * 1_000;
        fault
    });
    faults.collect()
}

impl Model {
    /// Returns the fault that takes a region away at a time, if one does.
    fn lost(&self, region: Region, at: Micros) -> Option<&Fault> {
        let mut faults = self.faults.iter();
        faults.find(|fault| loses(fault) && fault.region == region && (fault.begun_us..fault.ended_us).contains(&at))
    }

    /// At the end the version is raised, a former build is turned away, and nobody has an alarm about replicas.
    fn upgrade(&mut self) {
        let (at_us, said) = (self.ended, "exit status: 1: start a newer build on this node".to_owned());
        let raised = Upgrade::Raised { at_us, from: 1, to: 2 };
        self.lines.extend([raised, Upgrade::TurnedAway { at_us, region: 0, said }].map(Line::Upgrade));
        let alarms = |listener| Line::Alarms(AlarmsSeen { listener, alarms: Vec::new() });
        self.lines.extend((0..REGIONS).map(alarms));
    }

    /// Returns the loss after whose beginning, less than 2.2 s ago, leaders are elected.
    fn electing(&self, at: Micros) -> Option<&Fault> {
        self.faults.iter().find(|fault| loses(fault) && (fault.begun_us..fault.begun_us + 2_200_000).contains(&at))
    }
}

/// Says whether a fault takes its region away.
fn loses(fault: &Fault) -> bool {
    use FaultKind::{ClockJump, CutLine, CutOneWay, SlowDisk};
    !matches!(fault.kind, CutLine | CutOneWay | ClockJump | SlowDisk)
}
