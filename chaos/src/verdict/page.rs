//! The page: one file of HTML, with its style and plots in it, that needs no script and no network.

use super::dots;
use super::markup::{counted, escape, grouped, label, tenths};
use super::plot::{NamedSpan, TimePlot, log_lines, stacked};
use super::series::{Series, Stretches, arrivals, failures, latencies};
use super::tables;
use super::text::word;
use crate::check::{History, Outcome, Report};
use crate::history::{Answer, Setting};

const STYLE: &str = include_str!("style.css");
/// Up to so many faults their names stand in the plots; of more, their numbers.
const NAMES_MAX: usize = 12;

const EXPLAINED: &str = "\
<p>New messages are those asked for while the fault lasts, at regions that it doesn't touch. They flow when each arrives
within a second. Calls are slow when they take longer than that, or are refused. What waited was accepted before new
messages flowed, and took longer than a second. Held are messages that may arrive at most once, and nobody knows whether
they did: an operator decides about them.</p>
";

/// Returns the page of a run.
pub fn page(history: &History, report: &Report) -> String {
    let title = format!("{}: chaos run, seed {}", word(report.outcome()), history.setting.seed);
    let parts = [
        head(history, report),
        section("What went wrong", &tables::violations(report)),
        section("What happened", &plots(history)),
        section("How fast it recovered", &recovered(history, report)),
        section("What was checked", &tables::checks(report)),
        section("Outside the promises", &excused(report)),
        notes(history),
    ];
    let body = parts.concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn head(history: &History, report: &Report) -> String {
    let outcome = report.outcome();
    let (verdict, class) = (word(outcome), tables::outcome(outcome).1);
    let sentence = match outcome {
        Outcome::Passed => "Every promise held that this run could test.",
        Outcome::Failed => "Something that is promised did not hold.",
        Outcome::NotJudged => "Nothing was seen to fail, and not everything could be judged.",
        Outcome::NotTested => "There was nothing to look at.",
    };
    let count = |outcome| report.with(outcome).count();
    let (passed, failed) = (count(Outcome::Passed), count(Outcome::Failed));
    let checks = counted(report.findings.len() as u64, "check", "checks");
    format!(
        "<header>\n<h1><span class=\"verdict {class}\">{verdict}</span> {sentence}</h1>\n\
         <p>Of {checks} {passed} passed and {failed} failed. {}</p>\n{}{}</header>\n",
        load(history),
        facts(&history.setting),
        gaps(history, report)
    )
}

fn load(history: &History) -> String {
    let accepted = history.calls.iter().filter(|call| matches!(call.answer, Answer::Accepted { .. })).count() as u64;
    let (faults, calls) = (history.faults.len() as u64, history.calls.len() as u64);
    let (faults, calls) = (counted(faults, "fault", "faults"), counted(calls, "call", "calls"));
    let (accepted, length) = (counted(accepted, "message", "messages"), tenths(history.setting.length_us));
    format!("In {length} there were {faults} and {calls}; {accepted} were accepted, and {} arrivals were seen.", {
        grouped(history.arrivals.len() as u64)
    })
}

fn facts(setting: &Setting) -> String {
    let names =
        setting.regions.iter().enumerate().map(|(region, name)| {
            if Some(region) == setting.witness { format!("{name} (witness)") } else { name.clone() }
        });
    let regions = escape(&names.collect::<Vec<_>>().join(", "));
    let (seed, round_trip, command) = (setting.seed, setting.round_trip_ms, escape(&setting.command));
    format!(
        "<dl>\n<dt>Regions</dt><dd>{regions}; {round_trip} ms from one to another and back</dd>\n\
         <dt>Seed</dt><dd>{seed}</dd>\n<dt>To repeat</dt><dd><code>{command}</code></dd>\n</dl>\n"
    )
}

/// Returns what the verdict doesn't say: the faults that were skipped, what could not be judged, and the checks that had
/// nothing to look at.
fn gaps(history: &History, report: &Report) -> String {
    let skipped = history.setting.skipped.iter().map(|(fault, why)| format!("{fault} was skipped: {why}"));
    let untested = report.with(Outcome::NotTested).map(|finding| {
        format!("\u{201c}{}\u{201d} was not tested: there were no {} to look at", finding.title, finding.of)
    });
    let unjudged = report.findings.iter().flat_map(|finding| {
        finding.unjudged.iter().map(|why| format!("\u{201c}{}\u{201d} was not judged: {why}", finding.title))
    });
    let items: String =
        skipped.chain(unjudged).chain(untested).map(|gap| format!("<li>{}</li>\n", escape(&gap))).collect();
    if items.is_empty() {
        return "<p>Nothing was skipped.</p>\n".to_owned();
    }
    format!("<p>This verdict says nothing about what was skipped, not judged or not tested:</p>\n<ul>\n{items}</ul>\n")
}

fn plots(history: &History) -> String {
    let (stretches, spans) = (Stretches::of(history), spans(history));
    let seconds_each = stretches.seconds as f64;
    let figure = |title: &str, series: &[Series], draw: fn(&TimePlot<'_>) -> String| {
        let svg = draw(&TimePlot { title, series, seconds_each, spans: &spans });
        format!("<figure>\n<figcaption>{title}</figcaption>\n<div class=\"wide\">{svg}</div>\n</figure>\n")
    };
    [
        figure(
            "Messages that arrived in each second, by the region that sent them",
            &arrivals(history, stretches),
            stacked,
        ),
        figure(
            "Calls in each second that were refused or not answered, by region",
            &failures(history, stretches),
            stacked,
        ),
        figure("Time until a message was accepted", &latencies(history, stretches), log_lines),
    ]
    .concat()
}

fn spans(history: &History) -> Vec<NamedSpan> {
    let seconds = |micros: u64| micros as f64 / 1_000_000.0;
    let spans = history.faults.iter().enumerate().map(|(place, fault)| {
        let has_names = history.faults.len() <= NAMES_MAX;
        let name = if has_names { label(&history.setting, fault) } else { (place + 1).to_string() };
        NamedSpan { name, from: seconds(fault.begun_us), to: seconds(fault.ended_us) }
    });
    spans.collect()
}

fn recovered(history: &History, report: &Report) -> String {
    if report.recoveries.is_empty() {
        return String::new();
    }
    let dots = dots::recoveries(&history.setting, &report.recoveries);
    let dots = dots.map(|svg| format!("<div class=\"wide\">{svg}</div>\n"));
    dots.unwrap_or_default() + &tables::faults(report, history.setting.flight_max_us) + EXPLAINED
}

fn excused(report: &Report) -> String {
    let excused = tables::excused(report);
    if excused.is_empty() {
        return excused;
    }
    format!("<p>This was seen and is no violation, for the reason that each sentence gives.</p>\n{excused}")
}

fn notes(history: &History) -> String {
    let flight = tenths(history.setting.flight_max_us);
    format!(
        "<footer><p>All times count from the beginning of the run, by the clock of the test. A message that left may \
         take up to {flight} to arrive. What each promise says is in docs/promises.md.</p></footer>\n"
    )
}

/// Returns a section, or nothing when it has no content.
fn section(title: &str, content: &str) -> String {
    if content.is_empty() { String::new() } else { format!("<section>\n<h2>{title}</h2>\n{content}</section>\n") }
}
