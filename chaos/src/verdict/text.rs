//! The verdict as a few lines for a terminal.

use super::markup::{counted, measured, tenths};
use crate::check::{Finding, Measured, Outcome, Recovery, Report};
use crate::history::Micros;

/// Returns the verdict, what is wrong, what was not tested, and what came after each fault.
pub fn text(report: &Report) -> String {
    let mut lines = vec![headline(report)];
    lines.extend(report.with(Outcome::Failed).flat_map(failed));
    lines.extend(
        report
            .findings
            .iter()
            .flat_map(|finding| finding.unjudged.iter().map(|why| format!("  not judged  {}: {why}", finding.check))),
    );
    lines.extend(
        report.with(Outcome::NotTested).map(|finding| format!("  not tested  {}: no {}", finding.check, finding.of)),
    );
    let excused = report.findings.iter().filter(|finding| !finding.excused.is_empty());
    lines.extend(excused.map(|finding| format!("  excused     {}: {}", finding.check, finding.excused.len())));
    if !report.recoveries.is_empty() {
        lines.push("How long after each fault new messages flowed, and until what waited was sent:".to_owned());
    }
    lines.extend(report.recoveries.iter().map(recovered));
    lines.extend(together(&report.recoveries));
    lines.join("\n")
}

/// Returns the verdict in a line.
pub fn headline(report: &Report) -> String {
    let count = |outcome| report.with(outcome).count() as u64;
    let (passed, failed, not) = (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::NotTested));
    let unjudged = match count(Outcome::NotJudged) {
        0 => String::new(),
        count => format!("{count} could not be judged, "),
    };
    let (all, verdict) = (counted(report.findings.len() as u64, "check", "checks"), word(report.outcome()));
    format!("{verdict}: of {all} {passed} passed, {failed} failed, {unjudged}{not} had nothing to look at")
}

/// Returns the word for the verdict.
pub fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "PASSED",
        Outcome::Failed => "FAILED",
        Outcome::NotJudged => "NOT JUDGED",
        Outcome::NotTested => "NOT TESTED",
    }
}

fn failed(finding: &Finding) -> Vec<String> {
    let (shown, more) = finding.shown();
    let mut lines = vec![format!("  FAILED      {}: {}", finding.check, finding.title)];
    lines.extend(shown.iter().map(|violation| format!("    - {violation}")));
    if more > 0 {
        lines.push(format!("    - and {more} more"));
    }
    lines
}

/// Sums up the faults that are judged: the middle one and the worst.
fn together(recoveries: &[Recovery]) -> Option<String> {
    let judged: Vec<&Recovery> = recoveries.iter().filter(|recovery| recovery.unjudged.is_none()).collect();
    let times = |of: fn(&Recovery) -> Measured| {
        let mut times: Vec<Micros> = judged
            .iter()
            .filter_map(|recovery| match of(recovery) {
                Measured::After(after) => Some(after),
                Measured::NotIn(seen) => Some(seen),
                Measured::Unseen => None,
            })
            .collect();
        times.sort_unstable();
        let (middle, worst) = (times.get(times.len().saturating_sub(1) / 2)?, times.last()?);
        Some(format!("{} (half of them), {} (worst)", tenths(*middle), tenths(*worst)))
    };
    let (new, waiting) = (times(|recovery| recovery.flowing)?, times(|recovery| recovery.waiting)?);
    let count = counted(judged.len() as u64, "fault", "faults");
    Some(format!("Of {count} that are judged: new messages flow after {new}; what waited is sent after {waiting}"))
}

fn recovered(recovery: &Recovery) -> String {
    let (at, what) = (tenths(recovery.fault.begun_us), &recovery.what);
    let (new, waiting) = (measured(recovery.flowing), measured(recovery.waiting));
    let (doubled, held) = (recovery.doubled, recovery.held);
    format!("  {at:>9}   new {new:<12} waiting {waiting:<12} {what}; {doubled} sent twice, {held} held")
}
