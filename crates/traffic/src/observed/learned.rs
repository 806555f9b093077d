//! What is normal on a channel, learned from what is counted: failure rates by region and destination, and how late
//! events come from each destination (the rules are those of the health specification, section 4, "learning").
//!
//! Rates are weighed sums of the past with a half-life of a day. Delays are asked of all regions together: of the
//! messages that are old enough to have had their event in an age bin, so many had it there. Nothing is learned from a
//! region while it is suspected, nor of a destination that looks ill by itself, so that a fault does not become normal;
//! and a rate rises by half a day at most.

use super::learned_delays::{Delays, REMAINS};
use crate::health::{AGE_BINS, AGE_BOUNDS, Baselines, Counted, DelayCurve, Extent};

/// How much of a region's rate of messages is left after a second: half of it is an hour old.
const RATE_REMAINS: f64 = 1.0 - std::f64::consts::LN_2 / 3_600.0;
/// How many trials the rate of a region and destination is taken to have shown that is the same everywhere.
const PSEUDO_TRIALS: f64 = 200.0;
/// The failure rate of which nothing is known.
const PRIOR: f64 = 0.01;
/// No rate is believed to be lower.
const FLOOR: f64 = 0.002;
/// How much a rate may rise in a day.
const RISE_MAX: f64 = 1.5;
/// A day, after which rates may rise further.
const DAY: u64 = 86_400;
/// The share of messages that must have an event by the age at which the others count as late.
const HEARD_OF_MIN: f64 = 0.8;

/// What one channel has shown.
#[derive(Debug, Clone)]
pub struct Learned {
    extent: Extent,
    /// By signal, region and destination; of the signals that are rates.
    rates: [Vec<Rate>; 2],
    destinations: Vec<Delays>,
    apps: Vec<f64>,
    /// Messages a second by region, as weighed sums with their weight.
    regions: Vec<Ratio>,
    since: Option<u64>,
}

/// Something out of something, with the past counting for less.
#[derive(Debug, Clone, Copy, Default)]
struct Ratio {
    of: f64,
    hits: f64,
}

/// The failure rate of a region and destination.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    seen: Ratio,
    /// What it may not exceed today.
    most: Option<f64>,
}

/// A second of a channel that is learned from.
pub struct Lesson<'a> {
    /// Which one.
    pub second: u64,
    /// Its counts.
    pub counted: &'a [Counted],
    /// The first events by destination and age bin, of the regions that are calm.
    pub ages: &'a [[u32; AGE_BINS]],
    /// The regions that nothing is held against.
    pub calm: &'a [bool],
    /// What is held against a destination of a calm region, by region and destination; nothing is learned of it either.
    pub suspected: &'a [Vec<bool>],
}

impl Lesson<'_> {
    /// Says whether what a region sends to a destination is learned from.
    pub fn is_learned(&self, region: usize, destination: usize) -> bool {
        self.calm[region] && !self.suspected[region][destination]
    }
}

impl Learned {
    /// Knows nothing yet.
    pub fn new(extent: Extent) -> Learned {
        let rates = || vec![Rate::default(); extent.regions * extent.destinations];
        Learned {
            extent,
            rates: [rates(), rates()],
            destinations: vec![Delays::default(); extent.destinations],
            apps: vec![0.0; extent.apps],
            regions: vec![Ratio::default(); extent.regions],
            since: None,
        }
    }

    /// Takes a second.
    pub fn learn(&mut self, lesson: &Lesson<'_>) {
        let Lesson { second, counted, ages, .. } = *lesson;
        let since = *self.since.get_or_insert(second);
        self.forget_a_little(lesson);
        let mut accepted = vec![0_u32; self.extent.destinations];
        for Counted { region, destination, app, counts } in
            counted.iter().filter(|cell| lesson.is_learned(cell.region, cell.destination))
        {
            let attempts = f64::from(counts.sends.saturating_sub(counts.rejected));
            let at = region * self.extent.destinations + destination;
            let [errors, throttled] = &mut self.rates;
            errors[at].seen.add(attempts - f64::from(counts.throttled), f64::from(counts.errors));
            throttled[at].seen.add(attempts, f64::from(counts.throttled));
            accepted[*destination] += counts.accepted();
            self.apps[*app] += attempts;
            self.regions[*region].hits += attempts;
        }
        for (delays, (accepted, ages)) in self.destinations.iter_mut().zip(accepted.into_iter().zip(ages)) {
            delays.learn(accepted, ages);
        }
        if second.saturating_sub(since) >= DAY {
            self.since = Some(second);
            self.limit_rises();
        }
    }

    /// Forgets the messages whose events are still to come: nobody knows where they would be counted.
    pub fn forget_sent(&mut self) {
        for delays in &mut self.destinations {
            delays.forget_sent();
        }
    }

    /// Forgets what is known of a destination: its place is another's, of which nothing is known.
    pub fn forget_destination(&mut self, destination: usize) {
        for rate in
            self.rates.iter_mut().flat_map(|rates| rates.iter_mut().skip(destination).step_by(self.extent.destinations))
        {
            *rate = Rate::default();
        }
        self.destinations[destination] = Delays::default();
    }

    /// What is normal now; `late_after` is the age by which a message without an event is late.
    pub fn baselines(&self, late_after: usize) -> Baselines {
        let channel = self.delays_of_all();
        let shares: Vec<[f64; AGE_BINS]> = self.destinations.iter().map(|delays| delays.shares(&channel)).collect();
        let heard_of = |shares: &[f64; AGE_BINS]| -> f64 {
            (0..AGE_BINS).filter(|bin| AGE_BOUNDS[bin + 1] <= late_after).map(|bin| shares[bin]).sum()
        };
        // Where most have no event by then, that some have none says nothing.
        let late: Vec<f64> =
            shares.iter().map(heard_of).map(|by| if by < HEARD_OF_MIN { 1.0 } else { 1.0 - by }).collect();
        Baselines {
            rates: [
                self.rates_of(&self.rates[0]),
                vec![vec![0.0; self.extent.destinations]; self.extent.regions],
                vec![late; self.extent.regions],
                self.rates_of(&self.rates[1]),
            ],
            destination_shares: shares_of(self.destinations.iter().map(Delays::sent)),
            app_shares: shares_of(self.apps.iter().copied()),
            curves: shares.iter().map(DelayCurve::of_bins).collect(),
            late_after,
            normal_rates: self.regions.iter().map(|region| region.share().max(f64::MIN_POSITIVE)).collect(),
        }
    }

    fn forget_a_little(&mut self, lesson: &Lesson<'_>) {
        for rates in &mut self.rates {
            for (at, rate) in rates.iter_mut().enumerate() {
                let (region, destination) = (at / self.extent.destinations, at % self.extent.destinations);
                if lesson.is_learned(region, destination) {
                    rate.seen.fade(REMAINS);
                }
            }
        }
        for (rate, _) in self.regions.iter_mut().zip(lesson.calm).filter(|(_, calm)| **calm) {
            rate.fade(RATE_REMAINS);
            rate.of += 1.0;
        }
        self.apps.iter_mut().for_each(|sent| *sent *= REMAINS);
    }

    fn limit_rises(&mut self) {
        for signal in 0..self.rates.len() {
            let now = self.rates_of(&self.rates[signal]);
            for (rate, now) in self.rates[signal].iter_mut().zip(now.into_iter().flatten()) {
                rate.most = Some(now * RISE_MAX);
            }
        }
    }

    fn rates_of(&self, rates: &[Rate]) -> Vec<Vec<f64>> {
        let Extent { regions, destinations, .. } = self.extent;
        let everywhere = |destination: usize| -> Ratio {
            let mut all = Ratio { of: PSEUDO_TRIALS, hits: PSEUDO_TRIALS * PRIOR };
            (0..regions).for_each(|region| all.join(rates[region * destinations + destination].seen));
            all
        };
        let everywhere: Vec<f64> = (0..destinations).map(|destination| everywhere(destination).share()).collect();
        let rate = |region: usize, destination: usize| {
            let Rate { seen, most } = rates[region * destinations + destination];
            let mut seen = seen;
            seen.join(Ratio { of: PSEUDO_TRIALS, hits: PSEUDO_TRIALS * everywhere[destination] });
            seen.share().min(most.unwrap_or(1.0)).clamp(FLOOR, 1.0)
        };
        (0..regions).map(|region| (0..destinations).map(|destination| rate(region, destination)).collect()).collect()
    }

    fn delays_of_all(&self) -> Delays {
        let mut all = Delays::default();
        self.destinations.iter().for_each(|delays| all.join(delays));
        all
    }
}

impl Ratio {
    fn add(&mut self, of: f64, hits: f64) {
        self.of += of;
        self.hits += hits;
    }

    fn join(&mut self, other: Ratio) {
        self.add(other.of, other.hits);
    }

    fn fade(&mut self, remains: f64) {
        self.of *= remains;
        self.hits *= remains;
    }

    fn share(self) -> f64 {
        if self.of > 0.0 { self.hits / self.of } else { 0.0 }
    }
}

fn shares_of(sent: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let all: f64 = sent.clone().sum();
    sent.map(|sent| if all > 0.0 { (sent / all).clamp(0.0, 1.0) } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{CellCounts, EVENT_AGE_MAX, Signal, age_bin};

    const LATE_AFTER: usize = 64;

    fn extent() -> Extent {
        Extent { regions: 2, destinations: 2, apps: 2 }
    }

    /// A second in which each region sent 100 messages to the first destination, of which so many failed. Of those that
    /// were taken nine of ten have an event, half of them after 2 s and half after 40 s.
    fn learn(learned: &mut Learned, second: u64, failed: u32, calm: [bool; 2]) {
        let counts = CellCounts { sends: 100, errors: failed, ..CellCounts::default() };
        let counted: Vec<Counted> = (0..2)
            .map(|region| Counted { region, destination: 0, app: 0, counts })
            .filter(|of| calm[of.region])
            .collect();
        let mut ages = [[0; AGE_BINS]; 2];
        for age in [2, 40].into_iter().filter(|age| second >= *age) {
            let of_age = counted.iter().map(|cell| cell.counts.accepted() * 9 / 20).sum::<u32>();
            ages[0][age_bin(age).expect("young enough")] += of_age;
        }
        let suspected = [vec![false; 2], vec![false; 2]];
        learned.learn(&Lesson { second, counted: &counted, ages: &ages, calm: &calm, suspected: &suspected });
    }

    /// Which share of the messages is expected to have an event by an age.
    fn expected(learned: &Learned, age: usize) -> f64 {
        let shares = learned.destinations[0].shares(&learned.delays_of_all());
        (0..AGE_BINS).filter(|bin| AGE_BOUNDS[bin + 1] <= age).map(|bin| shares[bin]).sum()
    }

    #[test]
    fn delays_are_learned_and_never_thought_shorter_than_they_are() {
        let mut learned = Learned::new(extent());
        for second in 0..3_000 {
            learn(&mut learned, second, 0, [true, true]);
            assert!(expected(&learned, EVENT_AGE_MAX) <= 0.91, "second {second}");
        }
        assert!((expected(&learned, 11) - 0.45).abs() < 0.01, "{}", expected(&learned, 11));
        assert!((expected(&learned, 45) - 0.90).abs() < 0.01);
        let late = learned.baselines(LATE_AFTER).rate(Signal::Late, 0, 0);
        assert!((late - 0.1).abs() < 0.01, "{late}");
    }

    #[test]
    fn a_place_that_is_another_s_begins_anew() {
        let mut learned = Learned::new(extent());
        for second in 0..3_000 {
            learn(&mut learned, second, 20, [true, true]);
        }
        let rate = |learned: &Learned| learned.baselines(LATE_AFTER).rate(Signal::Errors, 0, 0);
        assert!(rate(&learned) > 0.15, "{}", rate(&learned));
        learned.forget_destination(0);
        assert_eq!(learned.baselines(LATE_AFTER).rates, Learned::new(extent()).baselines(LATE_AFTER).rates);
    }

    #[test]
    fn where_most_have_no_event_in_time_none_is_late() {
        let learned = Learned::new(extent());
        assert_eq!(learned.baselines(LATE_AFTER).rate(Signal::Late, 0, 0), 1.0);
        assert_eq!(learned.baselines(LATE_AFTER).check(extent()), Ok(()));
    }

    #[test]
    fn rates_are_learned_while_a_region_is_calm_and_rise_by_half_a_day_at_most() {
        let mut learned = Learned::new(extent());
        let rate = |learned: &Learned, region: usize| learned.baselines(LATE_AFTER).rate(Signal::Errors, region, 0);
        for second in 0..DAY {
            learn(&mut learned, second, 2, [true, true]);
        }
        assert!((rate(&learned, 0) - 0.02).abs() < 0.001, "{}", rate(&learned, 0));
        for second in DAY..DAY + 10_000 {
            learn(&mut learned, second, 50, [false, true]);
        }
        assert!((rate(&learned, 0) - 0.02).abs() < 0.001, "it was suspected: {}", rate(&learned, 0));
        assert!((rate(&learned, 1) - 0.03).abs() < 0.001, "half more in a day: {}", rate(&learned, 1));
    }
}
