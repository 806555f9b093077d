//! From data to places on a plot, and ticks at round numbers.

/// How a range of data lies on a range of places.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    pub kind: ScaleKind,
    /// What the two ends of the data are; the first is less than the second.
    pub data: (f64, f64),
    /// Where they are.
    pub place: (f64, f64),
}

/// Whether equal distances are equal differences or equal ratios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleKind {
    Linear,
    Log,
}

impl Scale {
    /// Returns where a value lies; at an end, when it is beyond it.
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = self.data;
        let value = value.clamp(low, high);
        let share = match self.kind {
            ScaleKind::Linear => (value - low) / (high - low),
            ScaleKind::Log => (value / low).ln() / (high / low).ln(),
        };
        self.place.0 + share * (self.place.1 - self.place.0)
    }
}

/// Returns round numbers from 0 to at most `high`, no more than `count_max` steps of 1, 2 or 5 times a power of ten,
/// and never less than one apart.
pub fn ticks(high: f64, count_max: usize) -> Vec<f64> {
    let steps = (0..).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    stepped(high, count_max, steps)
}

/// Returns round times in seconds from 0 to at most `high`.
pub fn time_ticks(high: f64, count_max: usize) -> Vec<f64> {
    let steps = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];
    let longer = (1..).map(|hours| f64::from(hours) * 7_200.0);
    stepped(high, count_max, steps.into_iter().chain(longer))
}

/// Returns the powers of ten from `low` to `high`.
pub fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let powers = (-3..=9).map(|power| 10_f64.powi(power));
    powers.filter(|tick| (low * 0.999..=high * 1.001).contains(tick)).collect()
}

/// Returns the end of an axis that shows values up to `high`: the next round number.
pub fn rounded_up(high: f64) -> f64 {
    let step = ticks(high, 5).get(1).copied().unwrap_or(1.0);
    ((high / step).ceil() * step).max(step)
}

fn stepped(high: f64, count_max: usize, mut steps: impl Iterator<Item = f64>) -> Vec<f64> {
    let step = steps.find(|step| high / step <= count_max as f64).unwrap_or(high.max(1.0));
    (0..=count_max).map(|number| number as f64 * step).take_while(|tick| *tick <= high * 1.000_001).collect()
}
