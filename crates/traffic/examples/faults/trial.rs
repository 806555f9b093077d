//! One run of the world with a fault: what was decided, and whether that was right.

use traffic::health::{Advice, Detector, HealthSettings, Judgement, Part};

use super::fault::{FAILING_DESTINATION, Fault, Faults, Injected, OTHER_DESTINATION};
use super::peers::{BadMinutes, FailuresInARow};
use super::world::{REGIONS, World};

/// When the fault begins, in seconds. Before, the world gets going.
pub const FAULT_AT: u64 = 400;

/// What a run showed. Delays are in seconds since the fault.
#[derive(Debug, Default, Clone)]
pub struct Trial {
    /// When the right thing was done.
    pub right: Option<u64>,
    /// What else was moved until then.
    pub wrong: Vec<Judgement>,
    /// When each of the simple rules left the region of the fault, or any region where none should be left.
    pub bad_minutes: Option<u64>,
    pub failures_in_a_row: Option<u64>,
    /// How often they left a region before the fault.
    pub bad_minutes_before: u64,
    pub failures_in_a_row_before: u64,
}

impl Fault {
    /// What is right to be done: nothing, for what isn't region 0's.
    pub fn is_answered_by(self, judgement: &Judgement) -> bool {
        let shift = matches!(judgement.advice, Advice::Shift { .. });
        match self {
            Fault::HardLoss
            | Fault::Errors(_)
            | Fault::Creep
            | Fault::EventsLost(_)
            | Fault::Delays
            | Fault::Flapping => shift && judgement.region == 0 && judgement.part == Part::Whole,
            Fault::DestinationUnreachable => {
                shift && judgement.region == 0 && judgement.part == Part::Destination(FAILING_DESTINATION)
            }
            Fault::OtherDestinationUnreachable => {
                shift && judgement.region == 0 && judgement.part == Part::Destination(OTHER_DESTINATION)
            }
            Fault::Throttled => matches!(judgement.advice, Advice::Shed { .. }) && judgement.region == 0,
            Fault::None
            | Fault::DestinationDown
            | Fault::OtherDestinationDown
            | Fault::DestinationSilent
            | Fault::ProviderDown
            | Fault::BadListRefused
            | Fault::BadListSilent => false,
        }
    }
}

pub fn detector(world: &World) -> Detector {
    Detector::new(HealthSettings::default(), World::labels(), world.baselines(), REGIONS).expect("what fits together")
}

/// Runs until the right thing is done, or for so many seconds after the fault. Nobody follows what is advised.
pub fn run(seed: u64, rate: f64, fault: Fault, seconds: u64, with_peers: bool) -> Trial {
    run_case(seed, rate, Case { fault, before: None }, seconds, with_peers)
}

/// A fault, and what went wrong before, with how many seconds sooner.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub fault: Fault,
    pub before: Option<(Fault, u64)>,
}

/// Runs until the fault is answered.
pub fn run_case(seed: u64, rate: f64, case: Case, seconds: u64, with_peers: bool) -> Trial {
    let Case { fault, before } = case;
    let until = FAULT_AT + seconds;
    let injected = |(fault, sooner): (Fault, u64)| Injected { fault, from: FAULT_AT - sooner, until };
    let faults = before.into_iter().chain([(fault, 0)]).map(injected).collect();
    let mut world = World::new(seed, rate, Faults(faults));
    let mut detector = detector(&world);
    let heard = vec![vec![true; REGIONS]; REGIONS];
    let (mut bad_minutes, mut in_a_row) = (BadMinutes::default(), FailuresInARow::new(seed));
    let mut trial = Trial::default();
    for tick in 0..until {
        let counted = world.second(tick);
        let since = tick.checked_sub(FAULT_AT).map(|since| since + 1);
        if trial.right.is_none() {
            for judgement in detector.step(tick, &counted, &heard) {
                if since.is_some() && fault.is_answered_by(&judgement) {
                    trial.right = trial.right.or(since);
                } else if matches!(judgement.advice, Advice::Shift { .. })
                    && !before.is_some_and(|(fault, _)| fault.is_answered_by(&judgement))
                {
                    trial.wrong.push(judgement);
                }
            }
        }
        if with_peers {
            let note = |left: &[usize], first: &mut Option<u64>, before: &mut u64| match since {
                Some(since) if !left.is_empty() => *first = first.or(Some(since)),
                None if !left.is_empty() => *before += 1,
                _ => {}
            };
            note(&bad_minutes.step(tick, &counted), &mut trial.bad_minutes, &mut trial.bad_minutes_before);
            note(&in_a_row.step(&counted), &mut trial.failures_in_a_row, &mut trial.failures_in_a_row_before);
        }
        // The simple rules get ten minutes more than the detector, and no more is waited for.
        if trial.right.is_some_and(|right| !with_peers || since > Some(right + 600)) {
            break;
        }
    }
    trial
}

/// Runs with everybody following what is advised, and returns what was.
pub fn follow(seed: u64, rate: f64, faults: impl Into<Faults>, seconds: u64) -> Vec<Judgement> {
    let mut world = World::new(seed, rate, faults.into());
    let mut detector = detector(&world);
    let heard = vec![vec![true; REGIONS]; REGIONS];
    let mut made = Vec::new();
    for tick in 0..seconds {
        let counted = world.second(tick);
        for judgement in detector.step(tick, &counted, &heard) {
            world.follow(&judgement);
            made.push(judgement);
        }
    }
    made
}
