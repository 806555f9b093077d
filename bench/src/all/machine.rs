//! What the figures depend on: processors, who else uses them, and how long the disk takes to sync.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

/// How many writes are synced to learn the disk's latency.
const SYNCS: usize = 200;

/// The bytes of each.
const SYNC_BYTES: [u8; 4_096] = [7; 4_096];

/// The 1-minute load of others above which figures are preliminary.
const IDLE_LOAD_MAX: f64 = 0.7;

/// Describes the machine in a few lines.
pub fn description(folder: &Path) -> anyhow::Result<String> {
    let processors = std::thread::available_parallelism().context("failed to count the processors")?;
    let loads = std::fs::read_to_string("/proc/loadavg").context("failed to read the load")?;
    let load: f64 = loads.split(' ').next().unwrap_or_default().parse().context("failed to read the load")?;
    let verdict = if load < IDLE_LOAD_MAX { "idle" } else { "NOT IDLE: the figures are preliminary" };
    let (median, slow) = sync_times(folder)?;
    Ok(format!(
        "{processors} processors for the three nodes, the sandbox and the load together; 1-minute load before the run \
         {load:.2} ({verdict}); the disk syncs 4 KiB in {median:.2?} (median), {slow:.2?} (99 of 100)"
    ))
}

fn sync_times(folder: &Path) -> anyhow::Result<(Duration, Duration)> {
    let path = folder.join("sync");
    let mut file = std::fs::File::create(&path).with_context(|| format!("failed to write {}", path.display()))?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&SYNC_BYTES).context("failed to write")?;
        file.sync_data().context("failed to sync")?;
        times.push(began.elapsed());
    }
    times.sort();
    std::fs::remove_file(&path).context("failed to delete a file")?;
    Ok((times[SYNCS / 2], times[SYNCS * 99 / 100]))
}
