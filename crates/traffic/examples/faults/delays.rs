//! When delivery events come: three of four in seconds, some in a minute, a few in half an hour, and 3 % never. As of
//! text messages.

use traffic::health::{DelayCurve, EVENT_AGE_MAX};

use super::random::Draws;

/// Which share of the messages has an event at all.
const REPORTED: f64 = 0.97;
/// Shares, medians in seconds and deviations of logarithms.
const PARTS: [(f64, f64, f64); 3] = [(0.75, 6.0, 0.8), (0.20, 60.0, 1.2), (0.05, 1_800.0, 1.5)];

/// Draws after how many seconds an event comes when delays are stretched so; never, when none comes. `odds` are those
/// by which events are more likely than usual.
pub fn draw(draws: &mut Draws, stretch: f64, odds: f64) -> Option<f64> {
    let reported = REPORTED / (1.0 - REPORTED) * odds;
    if !draws.chance(reported / (1.0 + reported)) {
        return None;
    }
    let (_, median, deviation) = PARTS[draws.index(&PARTS.map(|(share, ..)| share))];
    Some(stretch * draws.log_normal(median, deviation))
}

/// Which share has an event by each age from 0 to 256 s.
pub fn by_age() -> Vec<f64> {
    (0..=EVENT_AGE_MAX).map(|age| REPORTED * arrived(age as f64)).collect()
}

pub fn curve() -> DelayCurve {
    DelayCurve::new(&by_age()).expect("a curve that rises")
}

/// The first of 2, 4, ... 256 s by which four of five messages have an event.
pub fn late_after() -> usize {
    let by_age = by_age();
    (1..=8).map(|power| 1 << power).find(|age| by_age[*age] >= 0.8).expect("an age")
}

fn arrived(age: f64) -> f64 {
    if age <= 0.0 {
        return 0.0;
    }
    PARTS.iter().map(|(share, median, deviation)| share * normal((age / median).ln() / deviation)).sum()
}

/// The normal distribution's share below `x`, by the approximation of Abramowitz and Stegun 26.2.17 (error below 1e-7).
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let coefficients = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let tail: f64 = coefficients.iter().rev().fold(0.0, |sum, coefficient| t * (coefficient + sum));
    let tail = tail * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x >= 0.0 { 1.0 - tail } else { tail }
}
