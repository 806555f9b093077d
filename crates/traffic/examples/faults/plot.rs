//! A drawing of one outage: how many messages each region sends, how many of them fail, and what was decided.

use std::fmt::Write as _;

use traffic::health::{Advice, Counted, Judgement};

use super::fault::{Fault, Injected};
use super::trial::{FAULT_AT, detector};
use super::world::{REGIONS, World};

const SECONDS: u64 = 1_100;
/// How long the fault lasts.
const FAULT_SECONDS: u64 = 300;
/// Over how many seconds counts are averaged.
const MEAN: u64 = 10;
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 300.0;
const MARGIN: f64 = 40.0;
/// The most messages a second that the drawing has room for.
const MOST: f64 = 32.0;
const COLOURS: [&str; REGIONS] = ["#c0392b", "#2c7fb8", "#31a354"];

/// Runs an outage of half of the sends from one region, with everybody following what is advised, and draws it. Returns
/// the drawing, as SVG, and what was decided.
pub fn outage(seed: u64, rate: f64) -> (String, Vec<Judgement>) {
    let injected = Injected { fault: Fault::Errors(0.5), from: FAULT_AT, until: FAULT_AT + FAULT_SECONDS };
    let mut world = World::new(seed, rate, injected.into());
    let mut detector = detector(&world);
    let heard = vec![vec![true; REGIONS]; REGIONS];
    let (mut made, mut lines) = (Vec::new(), Lines::default());
    for tick in 0..SECONDS {
        let counted = world.second(tick);
        for judgement in detector.step(tick, &counted, &heard) {
            world.follow(&judgement);
            made.push(judgement);
        }
        lines.add(tick, &counted);
    }
    made.retain(|judgement| matches!(judgement.advice, Advice::Shift { .. } | Advice::Return { .. }));
    (drawing(&lines, &made), made)
}

/// The points of the lines: messages a second by region, and failures of the first one.
#[derive(Default)]
struct Lines {
    sums: [f64; REGIONS + 1],
    points: [String; REGIONS + 1],
}

impl Lines {
    fn add(&mut self, tick: u64, counted: &[Counted]) {
        for Counted { region, counts, .. } in counted {
            self.sums[*region] += f64::from(counts.sends);
            if *region == 0 {
                self.sums[REGIONS] += f64::from(counts.errors);
            }
        }
        if (tick + 1).is_multiple_of(MEAN) {
            for (sum, points) in self.sums.iter_mut().zip(&mut self.points) {
                let _infallible = write!(points, "{:.1},{:.1} ", x(tick + 1), y(*sum / MEAN as f64));
                *sum = 0.0;
            }
        }
    }
}

fn x(tick: u64) -> f64 {
    MARGIN + (WIDTH - 2.0 * MARGIN) * tick as f64 / SECONDS as f64
}

fn y(messages: f64) -> f64 {
    HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * (messages / MOST).min(1.0)
}

fn drawing(lines: &Lines, made: &[Judgement]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    let mut add = |line: String| {
        svg.push_str(&line);
        svg.push('\n');
    };
    let (from, until) = (x(FAULT_AT), x(FAULT_AT + FAULT_SECONDS));
    let (top, bottom) = (y(MOST), y(0.0));
    add(format!(
        "<rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#fbe3e0\"/>",
        until - from,
        bottom - top
    ));
    add(format!("<text x=\"{:.1}\" y=\"{:.1}\">half of r0's sends fail</text>", from + 4.0, bottom - 6.0));
    for messages in [0.0, 10.0, 20.0, 30.0] {
        let at = y(messages);
        add(format!("<path d=\"M{MARGIN} {at:.1}H{:.1}\" stroke=\"#ddd\"/>", WIDTH - MARGIN));
        add(format!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{messages}/s</text>", MARGIN - 4.0, at + 4.0));
    }
    for seconds in (0..SECONDS).step_by(100) {
        let at = x(seconds);
        add(format!("<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds} s</text>", bottom + 14.0));
    }
    for (region, colour) in COLOURS.iter().enumerate() {
        let points = lines.points[region].trim_end();
        add(format!("<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"));
        let at = MARGIN + 70.0 * region as f64;
        add(format!("<text x=\"{at:.1}\" y=\"{:.1}\" fill=\"{colour}\">r{region} sends</text>", HEIGHT - 6.0));
    }
    let points = lines.points[REGIONS].trim_end();
    add(format!("<polyline points=\"{points}\" fill=\"none\" stroke=\"#c0392b\" stroke-dasharray=\"3 2\"/>"));
    add(format!("<text x=\"250\" y=\"{:.1}\" fill=\"#c0392b\">dashed: of r0's, those that fail</text>", HEIGHT - 6.0));
    for (number, judgement) in made.iter().enumerate() {
        let (at, row) = (x(judgement.tick), top - 4.0 - 12.0 * (number % 3) as f64);
        let what = match judgement.advice {
            Advice::Return { weight } => format!("{:.0} % back", 100.0 * weight),
            Advice::Shift { .. } | Advice::Shed { .. } | Advice::Hold(_) => "moved away".to_owned(),
        };
        add(format!("<path d=\"M{at:.1} {row:.1}V{bottom:.1}\" stroke=\"#555\" stroke-dasharray=\"2 3\"/>"));
        add(format!("<text x=\"{:.1}\" y=\"{:.1}\">{what}, {} s</text>", at + 3.0, row + 8.0, judgement.tick));
    }
    svg.push_str("</svg>\n");
    svg
}
