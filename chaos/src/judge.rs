//! From a run's history to its verdict: on a page, on the terminal, and as what the program answers.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::check::{History, check};
use crate::recorder::read;
use crate::verdict;

/// Judges the history in a file, writes its page beside it, and says both.
///
/// # Errors
/// When the history can't be read or has no setting, or the page can't be written.
pub fn judge(path: &Path) -> anyhow::Result<ExitCode> {
    let (mut failed, page) = (None, path.with_file_name("verdict.html"));
    let lines = read(path)?.map_while(|line| line.map_err(|error| failed = Some(error)).ok());
    let history = History::new(lines);
    if let Some(error) = failed {
        return Err(error);
    }
    let history = history?;
    let report = check(&history);
    std::fs::write(&page, verdict::page(&history, &report))
        .with_context(|| format!("failed to write {}", page.display()))?;
    println!("{}", verdict::text(&report));
    for (fault, why) in &history.setting.skipped {
        println!("  skipped     {fault}: {why}");
    }
    println!("page: {}", page.display());
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
