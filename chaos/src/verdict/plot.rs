//! Plots over time, as SVG text: faults as shaded spans with their names on lanes above, and lines or stacked areas
//! below. Colours are the page's, by class: `s0`, `s1`, and so on.

use std::fmt::Write;

use super::markup::{escape, grouped};
use super::scale::{Scale, ScaleKind, log_ticks, rounded_up, ticks, time_ticks};
use super::series::Series;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 16.0;
const LEGEND: f64 = 22.0;
const LANE: f64 = 18.0;
const LANES_MAX: usize = 4;
const PLOT: f64 = 170.0;
const FOOT: f64 = 24.0;
/// How wide a letter of a label is, about.
const LETTER: f64 = 6.4;
/// How many classes of colours the page has.
const COLOURS: usize = 6;

/// What a plot shows.
pub struct TimePlot<'a> {
    /// What is seen, for those who can't see it.
    pub title: &'a str,
    pub series: &'a [Series],
    /// How many seconds a value stands for.
    pub seconds_each: f64,
    pub spans: &'a [NamedSpan],
}

/// A stretch of time with a name, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSpan {
    pub name: String,
    pub from: f64,
    pub to: f64,
}

/// The parts of a plot under way.
struct Drawing<'a> {
    plot: &'a TimePlot<'a>,
    x: Scale,
    y: Scale,
    /// Where the plot begins below the lanes, and where it ends.
    top: f64,
    bottom: f64,
    svg: String,
}

/// Draws areas, one on the other: counts, from zero.
pub fn stacked(plot: &TimePlot<'_>) -> String {
    let sums = (0..points(plot)).map(|place| plot.series.iter().map(|series| value(series, place)).sum());
    let high = rounded_up(sums.fold(0.0, f64::max).max(4.0));
    let mut drawing = Drawing::new(plot, ScaleKind::Linear, (0.0, high));
    drawing.frame(&ticks(high, 5), |tick| grouped(tick as u64));
    let mut below = vec![0.0; points(plot)];
    for (place, series) in plot.series.iter().enumerate() {
        let above: Vec<f64> = below.iter().enumerate().map(|(place, below)| below + value(series, place)).collect();
        drawing.area(place, &below, &above);
        below = above;
    }
    drawing.finish()
}

/// Draws lines on a logarithmic axis: durations in milliseconds.
pub fn log_lines(plot: &TimePlot<'_>) -> String {
    let values = || plot.series.iter().flat_map(|series| series.values.iter().flatten().copied());
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    let low = 10_f64.powf(low.clamp(0.1, 1_000.0).log10().floor());
    let high = 10_f64.powf(high.clamp(low * 10.0, 1e9).log10().ceil());
    let mut drawing = Drawing::new(plot, ScaleKind::Log, (low, high));
    drawing.frame(&log_ticks(low, high), milliseconds);
    for (place, series) in plot.series.iter().enumerate() {
        drawing.line(place, series);
    }
    drawing.finish()
}

impl<'a> Drawing<'a> {
    fn new(plot: &'a TimePlot<'a>, kind: ScaleKind, data: (f64, f64)) -> Self {
        let seconds = (points(plot) as f64 * plot.seconds_each).max(1.0);
        let x = Scale { kind: ScaleKind::Linear, data: (0.0, seconds), place: (LEFT, WIDTH - RIGHT) };
        let lanes = lanes(plot.spans, x);
        let count = lanes.iter().flatten().max().map_or(0, |lane| lane + 1);
        let top = LEGEND + LANE * count as f64 + 6.0;
        let bottom = top + PLOT;
        let y = Scale { kind, data, place: (bottom, top) };
        let (title, height) = (escape(plot.title), bottom + FOOT);
        let svg = format!(r#"<svg viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-label="{title}">"#);
        let mut drawing = Drawing { plot, x, y, top, bottom, svg };
        drawing.legend();
        drawing.spans(&lanes);
        drawing
    }

    fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn legend(&mut self) {
        let mut left = LEFT;
        for (place, series) in self.plot.series.iter().enumerate() {
            let (class, name, text) = (colour(place), escape(&series.name), left + 16.0);
            self.put(&format!(r#"<rect class="{class} swatch" x="{left:.1}" y="3" width="11" height="11" rx="2"/>"#));
            self.put(&format!(r#"<text class="name" x="{text:.1}" y="13">{name}</text>"#));
            left = text + series.name.chars().count() as f64 * LETTER + 22.0;
        }
    }

    fn spans(&mut self, lanes: &[Option<usize>]) {
        for (span, lane) in self.plot.spans.iter().zip(lanes) {
            let (left, right) = (self.x.at(span.from), self.x.at(span.to));
            let (width, height) = ((right - left).max(1.5), self.bottom - self.top);
            let top = self.top;
            self.put(&format!(
                r#"<rect class="fault" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}"/>"#
            ));
            let Some(lane) = lane else { continue };
            self.put(&format!(r#"<path class="tag" d="M{left:.1} {:.1}V{top:.1}"/>"#, LEGEND + LANE * *lane as f64));
        }
        // Names come last, so that they are in front of the others' lines.
        for (span, lane) in self.plot.spans.iter().zip(lanes) {
            let (Some(lane), left, name) = (lane, self.x.at(span.from) + 4.0, escape(&span.name)) else { continue };
            let below = LEGEND + LANE * *lane as f64 + 12.0;
            self.put(&format!(r#"<text class="tag" x="{left:.1}" y="{below:.1}">{name}</text>"#));
        }
    }

    fn frame(&mut self, ticks: &[f64], label: impl Fn(f64) -> String) {
        for tick in ticks {
            let (y, name, right) = (self.y.at(*tick), label(*tick), WIDTH - RIGHT);
            self.put(&format!(r#"<path class="grid" d="M{LEFT} {y:.1}H{right}"/>"#));
            self.put(&format!(r#"<text class="tick end" x="{:.1}" y="{:.1}">{name}</text>"#, LEFT - 8.0, y + 4.0));
        }
        for tick in time_ticks(self.x.data.1, 10) {
            let (x, name, y) = (self.x.at(tick), grouped(tick as u64), self.bottom + 17.0);
            self.put(&format!(r#"<text class="tick middle" x="{x:.1}" y="{y:.1}">{name} s</text>"#));
        }
    }

    fn area(&mut self, place: usize, below: &[f64], above: &[f64]) {
        let forth = above.iter().enumerate().map(|(place, value)| (self.middle(place), self.y.at(*value)));
        let back = below.iter().enumerate().rev().map(|(place, value)| (self.middle(place), self.y.at(*value)));
        let points = joined(forth.chain(back));
        self.put(&format!(r#"<polygon class="{} area" points="{points}"/>"#, colour(place)));
    }

    /// Draws a line, with a gap wherever there is no value.
    fn line(&mut self, colour_place: usize, series: &Series) {
        let places: Vec<Option<(f64, f64)>> = (0..points(self.plot))
            .map(|place| {
                series.values.get(place).copied().flatten().map(|value| (self.middle(place), self.y.at(value)))
            })
            .collect();
        for run in places.split(Option::is_none).filter(|run| !run.is_empty()) {
            // A single value is a line too short to be seen without its ends.
            let points = joined(run.iter().flatten().copied().chain(run[run.len() - 1]));
            self.put(&format!(r#"<polyline class="{} line" points="{points}"/>"#, colour(colour_place)));
        }
    }

    fn middle(&self, place: usize) -> f64 {
        self.x.at((place as f64 + 0.5) * self.plot.seconds_each)
    }

    fn put(&mut self, element: &str) {
        self.svg.push_str(element);
        self.svg.push('\n');
    }
}

/// Returns the lane of each span's name, from the lowest place on, so that no two names overlap; nothing where there is
/// no room.
fn lanes(spans: &[NamedSpan], x: Scale) -> Vec<Option<usize>> {
    let mut ends = [f64::MIN; LANES_MAX];
    let place = |span: &NamedSpan| {
        let left = x.at(span.from);
        let right = left + 12.0 + span.name.chars().count() as f64 * LETTER;
        let lane = ends.iter().position(|end| *end <= left).filter(|_| right <= WIDTH)?;
        ends[lane] = right;
        Some(lane)
    };
    spans.iter().map(place).collect()
}

/// Returns the class of a colour.
pub fn colour(place: usize) -> String {
    format!("s{}", place % COLOURS)
}

fn points(plot: &TimePlot<'_>) -> usize {
    plot.series.iter().map(|series| series.values.len()).max().unwrap_or_default()
}

fn value(series: &Series, place: usize) -> f64 {
    series.values.get(place).copied().flatten().unwrap_or_default()
}

fn joined(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut joined = String::new();
    for (x, y) in points {
        let separator = if joined.is_empty() { "" } else { " " };
        // Writing to a string can't fail.
        write!(joined, "{separator}{x:.1},{y:.1}").ok();
    }
    joined
}

fn milliseconds(tick: f64) -> String {
    if tick >= 1_000.0 { format!("{} s", grouped((tick / 1_000.0) as u64)) } else { format!("{tick} ms") }
}
