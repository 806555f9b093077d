//! How ill a channel looks in one region: the running scores, and what was seen since they left zero.
//!
//! A score only rises while failures are more likely under its alternative than under what is tolerated; it falls back
//! to zero otherwise, and then everything that was seen is forgotten. Beside the score over everything there is one
//! with each destination and each app left out, and one of each destination alone. No second moves a score by more than
//! a fixed part of the threshold.

use super::baselines::Extent;
use super::gains::{Gains, RegionSecond, Weighings};
use super::score::{Limits, Score};
use super::settings::HealthSettings;
use super::signal::{ALTERNATIVES, Signal};
use super::trials::Trials;

/// The scores of a channel in a region.
#[derive(Debug, Clone)]
pub(crate) struct Scores {
    extent: Extent,
    limits: Limits,
    scores: Vec<Score>,
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
        self.moving().map(|score| score.all).fold(0.0, f64::max)
    }

    /// The scores of the signals that traffic is moved for.
    pub(crate) fn moving(&self) -> impl Iterator<Item = &Score> {
        Signal::moving().flat_map(|signal| self.alternatives(signal))
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
            let rest = second.rest(trials);
            for alternative in 0..ALTERNATIVES {
                let weighings = second.weighings.of(signal, alternative);
                gains.weigh(self.extent, trials, weighings, second.aside);
                let score = &mut self.scores[signal as usize * ALTERNATIVES + alternative];
                score.add(&self.limits, &gains, second, trials);
                score.add_alone(&self.limits, trials, weighings, &rest);
            }
        }
    }

    /// Forgets what a destination has put into the scores over everything: it is set aside.
    pub(crate) fn set_aside(&mut self, destination: usize) {
        let most = 2.0 * self.limits.region;
        for score in &mut self.scores {
            score.set_aside(destination, most);
        }
    }

    /// Returns the highest score of a destination alone for a signal.
    pub(crate) fn highest_alone(&self, signal: Signal, destination: usize) -> f64 {
        self.alternatives(signal).iter().map(|score| score.alone[destination].score).fold(0.0, f64::max)
    }

    /// Says whether a destination that looks ill here was seen to be well from another region meanwhile: by the
    /// alternative that is the likeliest here.
    pub(crate) fn is_well_elsewhere(
        &self,
        signal: Signal,
        destination: usize,
        region: usize,
        weighings: &Weighings,
    ) -> bool {
        let by_score = |(_, one): &(usize, &Score), (_, other): &(usize, &Score)| {
            one.alone[destination].score.total_cmp(&other.alone[destination].score)
        };
        let likeliest = self.alternatives(signal).iter().enumerate().max_by(by_score);
        likeliest.is_some_and(|(alternative, score)| {
            weighings.of(signal, alternative)[destination].score(score.alone[destination].elsewhere[region]) < 0.0
        })
    }

    /// Says whether nothing is wrong here but with the destinations that look ill alone, with so many nats.
    pub(crate) fn is_well_without_ill(&self, signal: Signal, enough: f64, weighings: &Weighings) -> bool {
        let by_score = |(_, one): &(usize, &Score), (_, other): &(usize, &Score)| one.all.total_cmp(&other.all);
        let likeliest = self.alternatives(signal).iter().enumerate().max_by(by_score);
        likeliest.is_none_or(|(alternative, score)| {
            let seen = score.own.iter().zip(weighings.of(signal, alternative)).enumerate();
            let rest = seen.filter(|(destination, _)| self.highest_alone(signal, *destination) < enough);
            let (trials, gained) = rest.fold((0.0, 0.0), |(trials, gained), (_, (seen, weighing))| {
                (trials + seen.trials, gained + weighing.score(*seen))
            });
            // While nothing is held against it there are no trials; while all that is seen looks ill, there is no rest.
            score.all == 0.0 || (trials > 0.0 && gained <= 0.0)
        })
    }

    /// Takes over the same second of a region that traffic could move to.
    pub(crate) fn add_elsewhere(&mut self, region: usize, trials: &Trials, aside: &[bool]) {
        for signal in Signal::ALL {
            let trials = trials.of(signal);
            if trials.all.trials <= 0.0 {
                continue;
            }
            for score in &mut self.scores[signal as usize * ALTERNATIVES..][..ALTERNATIVES] {
                score.add_elsewhere(region, trials, aside);
            }
        }
    }
}
