//! The tables and lists of the page.

use super::markup::{counted, escape, grouped, measured, tenths};
use crate::check::{FLOWING_MAX_US, Finding, Measured, Outcome, Recovery, Report, WAITING_MAX_US};
use crate::history::Micros;

/// How many sentences of a check are read without a click.
const AT_ONCE: usize = 3;

/// Returns what is wrong, check by check.
pub fn violations(report: &Report) -> String {
    let failed = report.with(Outcome::Failed).map(|finding| {
        let (shown, more) = finding.shown();
        list(finding, "<strong class=\"failed\">violations</strong>", shown, more)
    });
    failed.collect()
}

/// Returns what looks wrong and is outside the promises, check by check.
pub fn excused(report: &Report) -> String {
    let excused = report.findings.iter().filter(|finding| !finding.excused.is_empty()).map(|finding| {
        let (shown, more) = finding.shown_excused();
        list(finding, "excused", shown, more)
    });
    excused.collect()
}

/// Returns the table of checks.
pub fn checks(report: &Report) -> String {
    let rows: String = report.findings.iter().map(check).collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><th>What must hold</th><th>Result</th><th>Looked at</th>\
         <th class=\"number\">Violations</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// Returns the table of faults. What waited may have been on its way for so long when it is over the limit.
pub fn faults(report: &Report, flight_max_us: Micros) -> String {
    let rows: String =
        (1..).zip(&report.recoveries).map(|(number, recovery)| fault(number, recovery, flight_max_us)).collect();
    let (new, waiting) = (FLOWING_MAX_US / 1_000_000, WAITING_MAX_US / 1_000_000);
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><th class=\"number\">No.</th>\
         <th class=\"number\">At</th><th>What happened</th>\
         <th class=\"number\">For</th><th class=\"number\">New messages flow after<br><small>limit {new} s</small></th>\
         <th class=\"number\">What waited is sent after<br><small>limit {waiting} s</small></th>\
         <th class=\"number\">Sent twice</th><th class=\"number\">Held</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// Returns the word for an outcome, and its class.
pub fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Passed => ("passed", "passed"),
        Outcome::Failed => ("FAILED", "failed"),
        Outcome::NotJudged => ("not judged", "untested"),
        Outcome::NotTested => ("not tested", "untested"),
    }
}

/// Returns what was found of one check: the first sentences at once, the others behind a click.
fn list(finding: &Finding, word: &str, shown: &[String], more: usize) -> String {
    let (title, check) = (escape(finding.title), finding.check);
    let (count, of) = (grouped((shown.len() + more) as u64), looked_at(finding));
    let (first, others) = shown.split_at(shown.len().min(AT_ONCE));
    let mut list =
        format!("<h3>{title}</h3>\n<p>{count} {word}; looked at {of} <code>{check}</code></p>\n{}", items(first));
    if !others.is_empty() {
        let summary = format!("{} more", others.len());
        list += &format!("<details><summary>{summary}</summary>\n{}</details>\n", items(others));
    }
    if more > 0 {
        list += &format!("<p>{} more are not listed.</p>\n", grouped(more as u64));
    }
    list
}

fn items(sentences: &[String]) -> String {
    let items: String = sentences.iter().map(|sentence| format!("<li>{}</li>\n", escape(sentence))).collect();
    format!("<ul>\n{items}</ul>\n")
}

fn looked_at(finding: &Finding) -> String {
    match finding.looked_at {
        0 => format!("no {}", finding.of),
        count => format!("{} {}", grouped(count), finding.of),
    }
}

fn check(finding: &Finding) -> String {
    let (word, class) = outcome(finding.outcome());
    let (title, name) = (escape(finding.title), finding.check);
    let looked_at = looked_at(finding);
    let violations = match finding.violations.len() as u64 {
        0 if finding.looked_at == 0 => "–".to_owned(),
        count => grouped(count),
    };
    format!(
        "<tr><td>{title}<br><code>{name}</code></td><td class=\"{class}\">{word}</td>\
         <td>{looked_at}</td><td class=\"number\">{violations}</td></tr>\n"
    )
}

fn fault(number: u64, recovery: &Recovery, flight_max_us: Micros) -> String {
    let fault = &recovery.fault;
    let (at, lasted) = (tenths(fault.begun_us), tenths(fault.ended_us.saturating_sub(fault.begun_us)));
    let what = escape(&recovery.what);
    let note = recovery.unjudged.map(|why| format!("<br><small>{}</small>", escape(why))).unwrap_or_default();
    let waited = counted(recovery.waited, "message", "messages");
    let slow = recovery.accepting.map_or_else(String::new, |until| format!("calls slow until {}", tenths(until)));
    let is_late = |took, limit_us| recovery.unjudged.is_none() && exceeds(took, limit_us);
    let new = took(recovery.flowing, &slow, is_late(recovery.flowing_allowed, FLOWING_MAX_US));
    let waiting = took(recovery.waiting, &waited, is_late(recovery.waiting, WAITING_MAX_US + flight_max_us));
    let (doubled, held) = (grouped(recovery.doubled), grouped(recovery.held));
    format!(
        "<tr><td class=\"number\">{number}</td><td class=\"number\">{at}</td><td>{what}{note}</td>\
         <td class=\"number\">{lasted}</td>{new}{waiting}<td class=\"number\">{doubled}</td>\
         <td class=\"number\">{held}</td></tr>\n"
    )
}

fn exceeds(took: Measured, limit_us: Micros) -> bool {
    match took {
        Measured::After(after) => after > limit_us,
        Measured::NotIn(seen) => seen > limit_us,
        Measured::Unseen => false,
    }
}

fn took(took: Measured, note: &str, is_late: bool) -> String {
    let class = if is_late { "number failed" } else { "number" };
    format!("<td class=\"{class}\">{}<br><small>{note}</small></td>", measured(took))
}
