//! How long it took after each loss until messages flowed again, against the limits, as SVG text: a row for each loss.

use super::markup::{escape, label, measured, tenths};
use super::scale::{Scale, ScaleKind, rounded_up, ticks};
use crate::check::{FLOWING_MAX_US, Measured, Recovery, WAITING_MAX_US};
use crate::history::{Micros, Setting};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 96.0;
const HEAD: f64 = 46.0;
const ROW: f64 = 24.0;
const FOOT: f64 = 26.0;
/// How far the two marks of a row are from its middle, so that none hides the other.
const APART: f64 = 5.5;
/// How many losses are drawn; of more, those that took longest.
const ROWS_MAX: usize = 40;

/// Draws the losses that are judged; nothing when there are none.
pub fn recoveries(setting: &Setting, recoveries: &[Recovery]) -> Option<String> {
    let all: Vec<&Recovery> = recoveries.iter().filter(|recovery| recovery.unjudged.is_none()).collect();
    if all.is_empty() {
        return None;
    }
    let more = if all.len() > ROWS_MAX {
        format!("of {}, the {ROWS_MAX} that took longest", all.len())
    } else {
        String::new()
    };
    let judged = worst(all);
    let longest = judged.iter().flat_map(|recovery| [took(recovery.flowing), took(recovery.waiting)]).max();
    let high = rounded_up(seconds(longest.unwrap_or_default()).clamp(6.0, 60.0));
    let x = Scale { kind: ScaleKind::Linear, data: (0.0, high), place: (LEFT, WIDTH - RIGHT) };
    let bottom = HEAD + ROW * judged.len() as f64;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {WIDTH} {:.0}" role="img" aria-label="Seconds until messages flowed again">"#,
        bottom + FOOT
    );
    svg.push_str(&legend(&more));
    svg.push_str(&axis(x, bottom));
    svg.push_str(&limit(x, bottom, FLOWING_MAX_US, "s0"));
    svg.push_str(&limit(x, bottom, WAITING_MAX_US, "s1"));
    for (place, recovery) in judged.iter().enumerate() {
        let name = format!("{} at {}", label(setting, &recovery.fault), tenths(recovery.fault.begun_us));
        svg.push_str(&row(x, HEAD + ROW * (place as f64 + 0.5), &name, recovery));
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// Keeps those that took longest when there are too many, in the order of time.
fn worst(mut judged: Vec<&Recovery>) -> Vec<&Recovery> {
    judged.sort_by_key(|recovery| std::cmp::Reverse(took(recovery.flowing).max(took(recovery.waiting))));
    judged.truncate(ROWS_MAX);
    judged.sort_by_key(|recovery| recovery.fault.begun_us);
    judged
}

fn legend(more: &str) -> String {
    let dot = format!(r#"<circle class="s0 mark" cx="{:.1}" cy="9" r="5"/>"#, LEFT + 5.0);
    let new = format!(r#"<text class="name" x="{:.1}" y="13">new messages flow</text>"#, LEFT + 16.0);
    let diamond = diamond(LEFT + 171.0, 9.0);
    let waiting = format!(r#"<text class="name" x="{:.1}" y="13">what waited has been sent</text>"#, LEFT + 182.0);
    let more = format!(r#"<text class="tick" x="0" y="13">{more}</text>"#);
    [dot, new, diamond, waiting, more].join("\n")
}

fn axis(x: Scale, bottom: f64) -> String {
    let tick = |tick: f64| {
        let (x, name) = (x.at(tick), format!("{tick} s"));
        let grid = format!(r#"<path class="grid" d="M{x:.1} {HEAD}V{bottom:.1}"/>"#);
        format!(r#"{grid}<text class="tick middle" x="{x:.1}" y="{:.1}">{name}</text>"#, bottom + 18.0)
    };
    ticks(x.data.1, 10).into_iter().map(tick).collect()
}

fn limit(x: Scale, bottom: f64, limit_us: Micros, class: &str) -> String {
    let (x, name) = (x.at(seconds(limit_us)), format!("limit {} s", seconds(limit_us)));
    let line = format!(r#"<path class="{class} limit" d="M{x:.1} {:.1}V{bottom:.1}"/>"#, HEAD - 8.0);
    format!(r#"{line}<text class="tick middle" x="{x:.1}" y="{:.1}">{name}</text>"#, HEAD - 12.0)
}

fn row(x: Scale, y: f64, name: &str, recovery: &Recovery) -> String {
    let name = format!(r#"<text class="name end" x="{:.1}" y="{:.1}">{}</text>"#, LEFT - 14.0, y + 4.0, escape(name));
    let dot = mark(x, recovery.flowing)
        .map(|at| format!(r#"<circle class="s0 mark" cx="{at:.1}" cy="{:.1}" r="5"/>"#, y - APART))
        .unwrap_or_default();
    let waiting = mark(x, recovery.waiting).map(|at| diamond(at, y + APART)).unwrap_or_default();
    let never = [recovery.flowing, recovery.waiting].into_iter().find(|took| matches!(took, Measured::NotIn(_)));
    let never = never.map(|took| {
        let (at, name) = (WIDTH - RIGHT + 8.0, measured(took));
        format!(r#"<text class="tick bad" x="{at:.1}" y="{:.1}">{name}</text>"#, y + 4.0)
    });
    format!("{name}\n{waiting}\n{dot}\n{}", never.unwrap_or_default())
}

/// Returns where a measurement is drawn; at the end, when it didn't come about.
fn mark(x: Scale, measured: Measured) -> Option<f64> {
    match measured {
        Measured::After(after) => Some(x.at(seconds(after))),
        Measured::NotIn(_) => Some(x.place.1),
        Measured::Unseen => None,
    }
}

fn diamond(x: f64, y: f64) -> String {
    format!(
        r#"<path class="s1 mark" d="M{:.1} {y:.1}L{x:.1} {:.1}L{:.1} {y:.1}L{x:.1} {:.1}Z"/>"#,
        x - 6.0,
        y - 6.0,
        x + 6.0,
        y + 6.0
    )
}

fn took(measured: Measured) -> Micros {
    match measured {
        Measured::After(after) => after,
        Measured::NotIn(seen) => seen,
        Measured::Unseen => 0,
    }
}

fn seconds(micros: Micros) -> f64 {
    micros as f64 / 1_000_000.0
}
