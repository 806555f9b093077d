//! From a run's history to its verdict: on a page, on the terminal, and as what the program answers.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::check::{History, check};
use crate::history::Line;
use crate::verdict;

/// Reads a history that a run left.
///
/// # Errors
/// When the file can't be read, or a line of it isn't one of a history.
pub fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    let lines = text
        .lines()
        .enumerate()
        .map(|(number, line)| serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), number + 1)));
    lines.collect()
}

/// Judges a history, writes its page, and says both.
///
/// # Errors
/// When the history has no setting, or the page can't be written.
pub fn judge(lines: &[Line], page: &Path) -> anyhow::Result<ExitCode> {
    let history = History::new(lines)?;
    let report = check(&history);
    std::fs::write(page, verdict::page(&history, &report))
        .with_context(|| format!("failed to write {}", page.display()))?;
    println!("{}", verdict::text(&report));
    for (fault, why) in &history.setting.skipped {
        println!("  skipped     {fault}: {why}");
    }
    println!("page: {}", page.display());
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
