//! `signalbox-bench idle`: what a cluster costs that does nothing, and how long its nodes take to start.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use signalbox::console::{View, table};
use signalbox::dev::{Order, REGIONS};
use signalbox::durations::parse_duration;
use tokio::time::sleep;

use super::endpoints::{EndpointWriter, Writes};
use crate::cluster::{DevelopmentCluster, make_app, region_of};
use crate::measure::{Load, Pace, loopback_bytes, run, usage};

/// Clients that write the endpoints, and writes that each has under way.
const WRITERS: u64 = 24;
const WRITES_UNDER_WAY: u64 = 50;

/// The longest that writing the endpoints may take.
const WRITING_MAX: Duration = Duration::from_secs(3_600);

/// About how many bytes an endpoint is, encoded.
const ENDPOINT_SIZE: usize = 256;

/// Apps that the endpoints are of.
const APPS: usize = 16;

/// How long a cluster rests before it counts as idle: flushes and compactions of what came before end.
const REST: Duration = Duration::from_secs(10);

/// Measures a cluster that does nothing.
#[derive(Debug, Args)]
pub struct IdleMeasurement {
    /// For how long it is watched.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    length: Duration,
    /// Write so many endpoints first.
    #[arg(long = "endpoints", value_name = "COUNT", default_value_t = 0,
          value_parser = clap::value_parser!(u64).range(0..=100_000_000))]
    different: u64,
    /// Stop and start each region afterwards, one after another, and take the time until it is ready.
    #[arg(long)]
    restart: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct IdleReport {
    pub endpoints_written: u64,
    pub nodes: Vec<NodeReport>,
    pub loopback_bytes_per_s: f64,
}

/// One region's process.
#[derive(Debug, Serialize)]
pub struct NodeReport {
    pub region: &'static str,
    pub resident_bytes: u64,
    pub cpu_share: f64,
    pub written_bytes_per_s: f64,
    pub ready_after_ms: Option<u64>,
}

impl IdleMeasurement {
    pub async fn measure(self, cluster: &DevelopmentCluster) -> anyhow::Result<IdleReport> {
        let endpoints_written = if self.different > 0 { self.write(cluster).await? } else { 0 };
        sleep(REST).await;
        let (mut nodes, loopback_bytes_per_s) = self.watch(cluster).await?;
        if self.restart {
            for node in &mut nodes {
                node.ready_after_ms = Some(restart(cluster, node.region).await?);
            }
        }
        Ok(IdleReport { endpoints_written, nodes, loopback_bytes_per_s })
    }

    async fn write(&self, cluster: &DevelopmentCluster) -> anyhow::Result<u64> {
        let mut apps = Vec::new();
        for _ in 0..APPS {
            apps.push(make_app(cluster).await?);
        }
        let writes = Writes { apps, endpoints: self.different, size: ENDPOINT_SIZE };
        let mut callers = Vec::new();
        for client in 0..WRITERS {
            let endpoints = cluster.connect(region_of(client)).await?.endpoints();
            callers.push(EndpointWriter { endpoints, writes: writes.clone(), batch: WRITES_UNDER_WAY });
        }
        let requests_max = self.different.div_ceil(WRITES_UNDER_WAY);
        let tally = run(Load { pace: Pace::Max, length: WRITING_MAX, requests_max }, callers).await;
        match tally.first_failure {
            Some(failure) => Err(anyhow::anyhow!("{} writes failed: {failure}", tally.failures)),
            None => Ok(tally.units),
        }
    }

    async fn watch(&self, cluster: &DevelopmentCluster) -> anyhow::Result<(Vec<NodeReport>, f64)> {
        let regions = cluster.running().await?;
        let read = || -> anyhow::Result<Vec<_>> {
            regions.iter().map(|region| Ok((usage(region.pid)?, loopback_bytes(region.pid)?))).collect()
        };
        let before = read()?;
        sleep(self.length).await;
        let after = read()?;
        let seconds = self.length.as_secs_f64();
        let node = |(place, (now, _)): (usize, &(crate::measure::Usage, u64))| {
            let used = now.since(before[place].0);
            NodeReport {
                region: REGIONS[regions[place].index],
                resident_bytes: used.resident_bytes,
                cpu_share: used.cpu.as_secs_f64() / seconds,
                written_bytes_per_s: used.written_bytes as f64 / seconds,
                ready_after_ms: None,
            }
        };
        let nodes = after.iter().enumerate().map(node).collect();
        let first_and_last = before.first().zip(after.first());
        let bytes = first_and_last.map_or(0, |(before, after)| after.1.saturating_sub(before.1));
        Ok((nodes, bytes as f64 / seconds))
    }
}

/// Stops and starts a region; returns the milliseconds from the start of its process until it is ready.
async fn restart(cluster: &DevelopmentCluster, region: &str) -> anyhow::Result<u64> {
    cluster.order(Order::Stop(region.to_owned())).await?;
    cluster.order(Order::Start(region.to_owned())).await?;
    let index = cluster.layout.region(region).unwrap_or(0);
    Ok(u64::try_from(cluster.ready(index).await?.as_millis()).unwrap_or(u64::MAX))
}

impl View for IdleReport {
    fn text(&self) -> String {
        let row = |node: &NodeReport| {
            [
                node.region.to_owned(),
                format!("{:.1} MB", node.resident_bytes as f64 / 1e6),
                format!("{:.2} %", node.cpu_share * 100.0),
                format!("{:.0}", node.written_bytes_per_s),
                node.ready_after_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
            ]
        };
        let headings = ["REGION", "RESIDENT", "CPU", "WRITTEN B/S", "READY AFTER"];
        format!(
            "{}\n{:.0} bytes/s over the loopback device, headers and whatever else runs there included; {} endpoints \
             written before",
            table(headings, self.nodes.iter().map(row)),
            self.loopback_bytes_per_s,
            self.endpoints_written
        )
    }
}
