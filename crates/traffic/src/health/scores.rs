//! How ill a channel looks in one region: the running scores, and what was seen since they left zero.
//!
//! A score only rises while failures are more likely under its alternative than under what is tolerated; it falls back
//! to zero otherwise, and then everything that was seen is forgotten. Beside the score over everything there is one
//! with each destination and each app left out, and one of each destination alone. No second moves a score by more than
//! a fixed part of the threshold.

use super::baselines::Extent;
use super::gains::{Gains, RegionSecond};
use super::settings::HealthSettings;
use super::signal::{ALTERNATIVES, Ledger, Signal, Weighing};
use super::trials::{SignalTrials, Trials};

/// The scores of a channel in a region.
#[derive(Debug, Clone)]
pub(crate) struct Scores {
    extent: Extent,
    limits: Limits,
    scores: Vec<Score>,
}

/// The score of one signal for one alternative, and what led to it.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    /// Over everything.
    pub(crate) all: f64,
    /// The second in which `all` left zero.
    pub(crate) since: u64,
    pub(crate) without_destination: Vec<f64>,
    pub(crate) without_app: Vec<f64>,
    /// What was seen since then here, by destination.
    pub(crate) own: Vec<Ledger>,
    /// And in the other regions that traffic could move to, by region, then destination.
    elsewhere: Vec<Ledger>,
    /// Each destination alone.
    pub(crate) alone: Vec<Alone>,
}

/// The score of one destination.
#[derive(Debug, Clone)]
pub(crate) struct Alone {
    pub(crate) score: f64,
    /// What was seen since it left zero, by app.
    pub(crate) by_app: Vec<Ledger>,
    /// The same destination in the other regions that traffic could move to.
    pub(crate) elsewhere: Vec<Ledger>,
    /// The other destinations here.
    pub(crate) rest: Ledger,
}

/// How far scores go, and how fast.
#[derive(Debug, Clone, Copy)]
struct Limits {
    region: f64,
    region_cap: f64,
    destination: f64,
    destination_cap: f64,
}

impl Scores {
    pub(crate) fn new(extent: Extent, settings: &HealthSettings) -> Scores {
        let (region, destination) = (settings.threshold, settings.destination_threshold());
        let limits = Limits {
            region,
            region_cap: settings.cap(region),
            destination,
            destination_cap: settings.cap(destination),
        };
        Scores { extent, limits, scores: vec![Score::new(extent); Signal::COUNT * ALTERNATIVES] }
    }

    pub(crate) fn of(&self, signal: Signal, alternative: usize) -> &Score {
        &self.scores[signal as usize * ALTERNATIVES + alternative]
    }

    /// The scores of a signal from mild to severe.
    pub(crate) fn alternatives(&self, signal: Signal) -> &[Score] {
        &self.scores[signal as usize * ALTERNATIVES..][..ALTERNATIVES]
    }

    /// The highest score over everything of the signals that traffic is moved for.
    pub(crate) fn highest(&self) -> f64 {
        let moving = Signal::ALL.into_iter().filter(|signal| *signal != Signal::Throttled);
        moving.flat_map(|signal| self.alternatives(signal)).map(|score| score.all).fold(0.0, f64::max)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.scores.fill(Score::new(self.extent));
    }

    /// Forgets what is known of a destination alone.
    pub(crate) fn clear_destination(&mut self, destination: usize) {
        for score in &mut self.scores {
            score.alone[destination].clear();
            score.alone[destination].score = 0.0;
        }
    }

    /// Takes over a second of this region.
    pub(crate) fn add(&mut self, second: &RegionSecond<'_>) {
        let mut gains = Gains::new(self.extent);
        for signal in Signal::ALL {
            let trials = second.trials.of(signal);
            if trials.all.trials <= 0.0 {
                continue;
            }
            for alternative in 0..ALTERNATIVES {
                let weighings = second.weighings.of(signal, alternative);
                gains.weigh(self.extent, trials, weighings, second.moved);
                let score = &mut self.scores[signal as usize * ALTERNATIVES + alternative];
                score.add(&self.limits, &gains, second, &trials.by_destination);
                score.add_alone(&self.limits, trials, weighings);
            }
        }
    }

    /// Takes over the same second of a region that traffic could move to.
    pub(crate) fn add_elsewhere(&mut self, region: usize, trials: &Trials) {
        for signal in Signal::ALL {
            let trials = trials.of(signal);
            if trials.all.trials <= 0.0 {
                continue;
            }
            for score in &mut self.scores[signal as usize * ALTERNATIVES..][..ALTERNATIVES] {
                score.add_elsewhere(region, trials);
            }
        }
    }
}

impl Score {
    fn new(extent: Extent) -> Score {
        let Extent { regions, destinations, apps } = extent;
        let none = |count| vec![Ledger::default(); count];
        let alone = Alone { score: 0.0, by_app: none(apps), elsewhere: none(regions), rest: Ledger::default() };
        Score {
            all: 0.0,
            since: 0,
            without_destination: vec![0.0; destinations],
            without_app: vec![0.0; apps],
            own: none(destinations),
            elsewhere: none(regions * destinations),
            alone: vec![alone; destinations],
        }
    }

    /// What a region that traffic could move to saw of a destination.
    pub(crate) fn elsewhere(&self, region: usize, destination: usize) -> Ledger {
        self.elsewhere[region * self.own.len() + destination]
    }

    fn add(&mut self, limits: &Limits, gains: &Gains, second: &RegionSecond<'_>, seen: &[Ledger]) {
        let step = |score: f64, gain: f64| {
            (score + gain.clamp(-limits.region, limits.region_cap)).clamp(0.0, 2.0 * limits.region)
        };
        let was = self.all;
        self.all = step(was, gains.all);
        for (score, gain) in self.without_destination.iter_mut().zip(&gains.by_destination) {
            *score = step(*score, gains.all - gain);
        }
        for (score, gain) in self.without_app.iter_mut().zip(&gains.by_app) {
            *score = step(*score, gains.all - gain);
        }
        if was == 0.0 {
            self.since = second.tick;
        }
        if self.all > 0.0 {
            let kept = self.own.iter_mut().zip(seen).zip(second.moved).filter(|(_, moved)| moved.is_none());
            kept.for_each(|((own, seen), _)| own.add(*seen));
        } else if was > 0.0 {
            self.own.fill(Ledger::default());
            self.elsewhere.fill(Ledger::default());
        }
    }

    fn add_alone(&mut self, limits: &Limits, trials: &SignalTrials, weighings: &[Weighing]) {
        let apps = self.without_app.len();
        for (destination, alone) in self.alone.iter_mut().enumerate() {
            let second = trials.by_destination[destination];
            if second.trials <= 0.0 {
                if alone.score > 0.0 {
                    alone.rest.add(trials.all.minus(second));
                }
                continue;
            }
            let gain = weighings[destination].score(second).clamp(-limits.destination, limits.destination_cap);
            let was = alone.score;
            alone.score = (was + gain).clamp(0.0, 2.0 * limits.destination);
            if alone.score > 0.0 {
                let cells = destination * apps..(destination + 1) * apps;
                let seen = trials.trials[cells.clone()].iter().zip(&trials.hits[cells]);
                for (ledger, (trials, hits)) in alone.by_app.iter_mut().zip(seen) {
                    ledger.add(Ledger { trials: *trials, hits: *hits });
                }
                alone.rest.add(trials.all.minus(second));
            } else if was > 0.0 {
                alone.clear();
            }
        }
    }

    fn add_elsewhere(&mut self, region: usize, trials: &SignalTrials) {
        let destinations = self.own.len();
        for (destination, second) in trials.by_destination.iter().enumerate().filter(|(_, second)| second.trials > 0.0)
        {
            if self.all > 0.0 {
                self.elsewhere[region * destinations + destination].add(*second);
            }
            if self.alone[destination].score > 0.0 {
                self.alone[destination].elsewhere[region].add(*second);
            }
        }
    }
}

impl Alone {
    fn clear(&mut self) {
        self.by_app.fill(Ledger::default());
        self.elsewhere.fill(Ledger::default());
        self.rest = Ledger::default();
    }
}
