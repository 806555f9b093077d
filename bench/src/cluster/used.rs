//! What the measured processes used during a run, each kind by itself.

use anyhow::Context;
use serde::Serialize;

use super::development::DevelopmentCluster;
use crate::measure::{Usage, forget_peak, usage, usage_of_all};

/// What the nodes, the sandbox and this process used since their start.
#[derive(Debug, Clone)]
pub struct Reading {
    pids: Vec<u32>,
    nodes: Usage,
    sandbox: Usage,
    load: Usage,
}

/// What a number of things cost.
#[derive(Debug, Serialize)]
pub struct Cost {
    /// Processor seconds of the three nodes together for a million of them.
    pub node_cpu_s_per_million: f64,
    /// Bytes that the three nodes together had written to the disk for one of them.
    pub written_bytes_each: f64,
    /// Processor seconds that the nodes used.
    pub node_cpu_s: f64,
    /// Processor seconds that the sandbox used.
    pub sandbox_cpu_s: f64,
    /// Processor seconds that this process used to make the load.
    pub load_cpu_s: f64,
    /// Resident memory of the three nodes together before the load, and its peak since then, in bytes.
    pub node_resident_before_bytes: u64,
    /// See `node_resident_before_bytes`.
    pub node_resident_peak_bytes: u64,
}

impl Reading {
    /// Reads what the processes used so far.
    pub async fn take(cluster: &DevelopmentCluster) -> anyhow::Result<Reading> {
        let pids = cluster.pids().await?;
        pids.iter().try_for_each(|pid| forget_peak(*pid)).context("failed to measure the nodes' memory")?;
        Reading::of(pids, cluster)
    }

    /// Returns what a number of things cost that were done since this reading, by the same processes.
    pub fn cost(&self, cluster: &DevelopmentCluster, count: u64) -> anyhow::Result<Cost> {
        let now = Reading::of(self.pids.clone(), cluster)?;
        let nodes = now.nodes.since(self.nodes);
        let count = count.max(1) as f64;
        Ok(Cost {
            node_cpu_s_per_million: nodes.cpu.as_secs_f64() / count * 1e6,
            written_bytes_each: nodes.written_bytes as f64 / count,
            node_cpu_s: nodes.cpu.as_secs_f64(),
            sandbox_cpu_s: now.sandbox.since(self.sandbox).cpu.as_secs_f64(),
            load_cpu_s: now.load.since(self.load).cpu.as_secs_f64(),
            node_resident_before_bytes: self.nodes.resident_bytes,
            node_resident_peak_bytes: nodes.peak_bytes,
        })
    }

    fn of(pids: Vec<u32>, cluster: &DevelopmentCluster) -> anyhow::Result<Reading> {
        let nodes = usage_of_all(&pids).context("failed to measure the nodes")?;
        let sandbox = usage(cluster.supervisor).context("failed to measure the sandbox")?;
        let load = usage(std::process::id()).context("failed to measure this process")?;
        Ok(Reading { pids, nodes, sandbox, load })
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.1} CPU s per million, {:.0} bytes written each (three nodes together); CPU s: nodes {:.1}, sandbox \
             {:.1}, load {:.1}; resident MB: {:.0} before, {:.0} at most",
            self.node_cpu_s_per_million,
            self.written_bytes_each,
            self.node_cpu_s,
            self.sandbox_cpu_s,
            self.load_cpu_s,
            self.node_resident_before_bytes as f64 * 1e-6,
            self.node_resident_peak_bytes as f64 * 1e-6
        )
    }
}
