//! What is plotted over time, counted from a history.

use crate::check::History;
use crate::history::{Answer, Micros, Op, Region};

/// How many points a line has at most; of longer runs each point stands for several seconds.
const POINTS_MAX: u64 = 600;
const SECOND_US: Micros = 1_000_000;

/// A line of a plot: a value for each stretch of time, where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub values: Vec<Option<f64>>,
}

/// How time is cut into stretches.
#[derive(Debug, Clone, Copy)]
pub struct Stretches {
    /// How long each is, in whole seconds.
    pub seconds: u64,
    pub count: u64,
}

impl Stretches {
    /// Cuts the time of a run.
    pub fn of(history: &History) -> Self {
        let seconds = history.ended_us().div_ceil(SECOND_US).max(1);
        let each = seconds.div_ceil(POINTS_MAX);
        Stretches { seconds: each, count: seconds.div_ceil(each) }
    }

    fn place(&self, at_us: Micros) -> usize {
        let place = (at_us / SECOND_US / self.seconds).min(self.count - 1);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    fn none<T: Clone>(&self, nothing: T) -> Vec<T> {
        vec![nothing; usize::try_from(self.count).unwrap_or(usize::MAX)]
    }

    fn rate(&self, times: impl Iterator<Item = Micros>) -> Vec<Option<f64>> {
        let mut counts = self.none(0_u32);
        for at_us in times {
            counts[self.place(at_us)] += 1;
        }
        counts.into_iter().map(|count| Some(f64::from(count) / self.seconds as f64)).collect()
    }
}

/// Returns how many messages arrived in a second, by the region that sent them.
pub fn arrivals(history: &History, stretches: Stretches) -> Vec<Series> {
    by_region(history, |region| {
        let of_region = history.arrivals.iter().filter(|arrival| arrival.region == region);
        stretches.rate(of_region.map(|arrival| arrival.at_us))
    })
}

/// Returns how many calls in a second were refused or had no answer, by the listener that was called.
pub fn failures(history: &History, stretches: Stretches) -> Vec<Series> {
    by_region(history, |region| {
        let failed = |answer: &Answer| matches!(answer, Answer::Refused { .. } | Answer::Unknown { .. });
        let of_region = history.calls.iter().filter(|call| call.listener == region && failed(&call.answer));
        stretches.rate(of_region.map(|call| call.begun_us))
    })
}

/// Returns how long it took until a send was acknowledged, in milliseconds: the median, and what 1 in 100 exceeded.
pub fn latencies(history: &History, stretches: Stretches) -> Vec<Series> {
    let mut samples: Vec<Vec<Micros>> = stretches.none(Vec::new());
    for call in &history.calls {
        if let (Op::Send { .. }, Answer::Accepted { .. }) = (&call.op, &call.answer) {
            samples[stretches.place(call.begun_us)].push(call.ended_us.saturating_sub(call.begun_us));
        }
    }
    for samples in &mut samples {
        samples.sort_unstable();
    }
    let line = |name: &str, percent: usize| Series {
        name: name.to_owned(),
        values: samples.iter().map(|samples| percentile(samples, percent).map(|us| us as f64 / 1_000.0)).collect(),
    };
    vec![line("half within", 50), line("99 of 100 within", 99)]
}

/// Returns the least sample that so many percent don't exceed.
fn percentile(sorted: &[Micros], percent: usize) -> Option<Micros> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

fn by_region(history: &History, values: impl Fn(Region) -> Vec<Option<f64>>) -> Vec<Series> {
    let regions = history.setting.serving();
    regions.map(|region| Series { name: history.setting.name(region), values: values(region) }).collect()
}
