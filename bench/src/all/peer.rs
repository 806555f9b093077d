//! What the peers have in common: their processes are measured around a load of writes.

use std::time::Duration;

use crate::measure::{Caller, Load, Pace, run, usage_of_all};

use super::table::{Table, Writes};

/// How long load is put on before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// A peer that runs, and how its rows are peer.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// Who it is.
    pub who: &'static str,
    /// What it does with a write before it answers.
    pub what: &'a str,
    /// How the measurement can be repeated.
    pub command: &'a str,
    /// Its processes.
    pub pids: &'a [u32],
    /// For how long writes begin.
    pub length: Duration,
}

/// Puts writes on a peer's processes and adds a row with what they cost.
pub async fn measure<C: Caller>(peer: Peer<'_>, callers: impl Fn() -> Vec<C>, table: &mut Table) -> anyhow::Result<()> {
    let load = |length| Load { pace: Pace::Max, length, requests_max: u64::MAX };
    run(load(WARM_UP), callers()).await;
    let before = usage_of_all(peer.pids)?;
    let callers = callers();
    let clients = callers.len() as u64;
    let tally = run(load(peer.length), callers).await;
    let used = usage_of_all(peer.pids)?.since(before);
    let cpu_seconds = used.cpu.as_secs_f64().max(f64::MIN_POSITIVE);
    let per_cpu_second = tally.units as f64 / cpu_seconds;
    let failed =
        tally.first_failure.as_ref().map_or_else(String::new, |why| format!("; {} failed: {why}", tally.failures));
    let found = format!(
        "{:.0}/s; {per_cpu_second:.0} per CPU second; {}; {:.0} bytes written each{failed}",
        tally.units_per_second(),
        tally.latency.percentiles(),
        used.written_bytes as f64 / tally.units.max(1) as f64
    );
    table.add(&format!("{}, {clients} clients: {}", peer.who, peer.what), "", found, peer.command);
    table.compare(Writes { who: peer.who, clients, per_cpu_second, per_second: tally.units_per_second() });
    Ok(())
}
