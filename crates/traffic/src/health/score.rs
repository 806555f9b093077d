//! One score: of a signal, for one alternative, in one region; and what was seen since it left zero.

use super::baselines::{Baselines, Extent};
use super::gains::{Gains, RegionSecond};
use super::settings::HealthSettings;
use super::signal::{Ledger, Weighing};
use super::trials::SignalTrials;

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
    /// How many of these each app sent.
    pub(crate) own_by_app: Vec<f64>,
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
pub(super) struct Limits {
    pub(super) region: f64,
    pub(super) region_cap: f64,
    pub(super) destination: f64,
    pub(super) destination_cap: f64,
}

impl Score {
    pub(super) fn new(extent: Extent) -> Score {
        let Extent { regions, destinations, apps } = extent;
        let none = |count| vec![Ledger::default(); count];
        let alone = Alone { score: 0.0, by_app: none(apps), elsewhere: none(regions), rest: Ledger::default() };
        Score {
            all: 0.0,
            since: 0,
            without_destination: vec![0.0; destinations],
            without_app: vec![0.0; apps],
            own: none(destinations),
            own_by_app: vec![0.0; apps],
            elsewhere: none(regions * destinations),
            alone: vec![alone; destinations],
        }
    }

    /// The lowest score with one destination left out. What has nearly all of the traffic is never left out.
    pub(crate) fn least_without_destination(&self, baselines: &Baselines, settings: &HealthSettings) -> f64 {
        let spread = |(_, share): &(&f64, &f64)| **share <= settings.dominant;
        let scores = self.without_destination.iter().zip(&baselines.destination_shares).filter(spread);
        scores.map(|(score, _)| *score).fold(self.all, f64::min)
    }

    /// What a region that traffic could move to saw of a destination.
    pub(crate) fn elsewhere(&self, region: usize, destination: usize) -> Ledger {
        self.elsewhere[region * self.own.len() + destination]
    }

    pub(super) fn add(&mut self, limits: &Limits, gains: &Gains, second: &RegionSecond<'_>, trials: &SignalTrials) {
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
            self.keep(second, trials);
        } else if was > 0.0 {
            self.forget_seen();
        }
    }

    fn keep(&mut self, second: &RegionSecond<'_>, trials: &SignalTrials) {
        let cells = trials.trials.chunks(self.own_by_app.len());
        let seen = self.own.iter_mut().zip(&trials.by_destination).zip(cells).zip(second.aside);
        for (((own, seen), cells), _) in seen.filter(|(_, aside)| !**aside) {
            own.add(*seen);
            self.own_by_app.iter_mut().zip(cells).for_each(|(own, trials)| *own += trials);
        }
    }

    fn forget_seen(&mut self) {
        self.own.fill(Ledger::default());
        self.own_by_app.fill(0.0);
        self.elsewhere.fill(Ledger::default());
    }

    /// What is left of each score when one destination no longer counts: what that score had without it, less what the
    /// other one had put in.
    pub(super) fn set_aside(&mut self, destination: usize, most: f64) {
        let (was, without) = (self.all, self.without_destination[destination]);
        let less = |score: &mut f64| *score = (without - (was - *score)).clamp(0.0, most);
        self.without_destination.iter_mut().for_each(less);
        self.without_app.iter_mut().for_each(less);
        (self.all, self.without_destination[destination]) = (without, without);
        if without == 0.0 {
            self.forget_seen();
        }
        // How much of it was the destination's isn't known.
        self.own_by_app.fill(0.0);
        let destinations = self.own.len();
        self.own[destination] = Ledger::default();
        self.elsewhere
            .iter_mut()
            .skip(destination)
            .step_by(destinations)
            .for_each(|ledger| *ledger = Ledger::default());
        let others = self.alone.iter_mut().enumerate().filter(|(other, _)| *other != destination);
        others.for_each(|(_, alone)| alone.rest = Ledger::default());
    }

    /// `rest` is what was seen of all destinations that count.
    pub(super) fn add_alone(
        &mut self,
        limits: &Limits,
        trials: &SignalTrials,
        weighings: &[Weighing],
        rest: impl Fn(usize) -> Ledger,
    ) {
        let apps = self.without_app.len();
        for (destination, alone) in self.alone.iter_mut().enumerate() {
            let second = trials.by_destination[destination];
            if second.trials <= 0.0 {
                if alone.score > 0.0 {
                    alone.rest.add(rest(destination));
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
                alone.rest.add(rest(destination));
            } else if was > 0.0 {
                alone.clear();
            }
        }
    }

    pub(super) fn add_elsewhere(&mut self, region: usize, trials: &SignalTrials, aside: &[bool]) {
        let destinations = self.own.len();
        for (destination, second) in trials.by_destination.iter().enumerate().filter(|(_, second)| second.trials > 0.0)
        {
            if self.all > 0.0 && !aside[destination] {
                self.elsewhere[region * destinations + destination].add(*second);
            }
            if self.alone[destination].score > 0.0 {
                self.alone[destination].elsewhere[region].add(*second);
            }
        }
    }
}

impl Alone {
    pub(super) fn clear(&mut self) {
        self.by_app.fill(Ledger::default());
        self.elsewhere.fill(Ledger::default());
        self.rest = Ledger::default();
    }
}
