//! `signalbox-bench send`: messages through the listeners of all regions, until the sandbox has them all.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use signalbox::console::{View, facts};
use signalbox::dev::REGIONS;
use signalbox::durations::parse_duration;
use tokio::time::Instant;

use super::send_callers::{GrpcSender, RestSender};
use crate::cluster::{Cost, DevelopmentCluster, Reading, RestClient, SandboxStats, make_app, region_of};
use crate::measure::{Load, Pace, Percentiles, Tally, run};

/// How long the sandbox's count may stand still before the rest counts as not sent.
const STALL_MAX: Duration = Duration::from_secs(15);

/// How long load is put on before it is measured, so that connections stand and leaders are found.
const WARM_UP: Duration = Duration::from_secs(2);

/// Measures the main job: messages in at the listeners and out to the sandbox.
#[derive(Debug, Args)]
pub struct SendMeasurement {
    /// Recipients of a request.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    recipients: u64,
    /// Messages a second, in an open loop: latency counts from the intended start.
    #[arg(long, value_name = "MESSAGES", conflicts_with = "max", required_unless_present = "max",
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Option<u64>,
    /// As many as the listeners take, in a closed loop.
    #[arg(long)]
    max: bool,
    /// Clients, spread over the regions, with a connection each.
    #[arg(long, value_name = "COUNT", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=4_096))]
    clients: u64,
    /// For how long requests begin.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    length: Duration,
    /// An app with an enabled SMS channel; `auto` makes one.
    #[arg(long, value_name = "ID", default_value = "auto")]
    app: String,
    /// Through the gRPC listeners instead of REST with SigV4.
    #[arg(long)]
    grpc: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct SendReport {
    pub accepted: u64,
    pub refused: u64,
    pub failures: u64,
    pub first_failure: Option<String>,
    pub accepted_per_s: f64,
    pub sent_per_s: f64,
    pub sent_in_full: bool,
    pub backlog_at_end: u64,
    pub drained_s: f64,
    pub accept_latency: Percentiles,
    pub cost: Cost,
}

impl SendMeasurement {
    pub async fn measure(self, cluster: &DevelopmentCluster) -> anyhow::Result<SendReport> {
        let app = match self.app.as_str() {
            "auto" => make_app(cluster).await?,
            given => given.to_owned(),
        };
        let stats = SandboxStats::new(&cluster.layout.sandbox())?;
        let before = stats.read().await?;
        let warm = self.load(cluster, &app, WARM_UP).await?;
        stats.wait_for(before.accepted + warm.units, STALL_MAX).await?;
        let before = stats.read().await?;
        let used = Reading::take(cluster).await?;
        let began = Instant::now();
        let tally = self.load(cluster, &app, self.length).await?;
        let at_end = stats.read().await?;
        let reached = stats.wait_for(before.accepted + tally.units, STALL_MAX).await?;
        let drained = reached.map_or(began.elapsed(), |reached| reached - began);
        let sent = stats.read().await?.accepted - before.accepted;
        let report = SendReport {
            accepted: tally.units,
            refused: tally.refused,
            failures: tally.failures,
            accepted_per_s: tally.units_per_second(),
            sent_per_s: sent as f64 / drained.as_secs_f64(),
            sent_in_full: reached.is_some(),
            backlog_at_end: tally.units.saturating_sub(at_end.accepted - before.accepted),
            drained_s: drained.as_secs_f64() - tally.took.as_secs_f64(),
            accept_latency: tally.latency.percentiles(),
            cost: used.cost(cluster, tally.units)?,
            first_failure: tally.first_failure,
        };
        Ok(report)
    }

    async fn load(&self, cluster: &DevelopmentCluster, app: &str, length: Duration) -> anyhow::Result<Tally> {
        let requests_per_second = self.rate.map(|rate| rate as f64 / self.recipients as f64);
        let pace = requests_per_second.map_or(Pace::Max, Pace::PerSecond);
        let load = Load { pace, length, requests_max: u64::MAX };
        if self.grpc {
            let mut callers = Vec::new();
            for client in 0..self.clients {
                let messages = cluster.connect(region_of(client)).await?.messages();
                callers.push(GrpcSender { messages, app: app.to_owned(), recipients: self.recipients });
            }
            return Ok(run(load, callers).await);
        }
        let caller = |client| RestSender {
            client: RestClient::new(cluster.layout.rest(region_of(client)), REGIONS[region_of(client)]),
            target: format!("/v1/apps/{app}/messages"),
            recipients: self.recipients,
        };
        Ok(run(load, (0..self.clients).map(caller).collect()).await)
    }
}

impl View for SendReport {
    fn text(&self) -> String {
        let refused = match &self.first_failure {
            Some(failure) => format!("{} messages, {} requests failed: {failure}", self.refused, self.failures),
            None => format!("{} messages", self.refused),
        };
        let rest = if self.sent_in_full { "all sent" } else { "the rest was not sent in time" };
        facts([
            ("accepted", format!("{:.0} messages/s ({} in all)", self.accepted_per_s, self.accepted)),
            ("refused", refused),
            ("sent", format!("{:.0} messages/s until the sandbox had them; {rest}", self.sent_per_s)),
            ("backlog", format!("{} when the load ended, gone {:.1} s later", self.backlog_at_end, self.drained_s)),
            ("acceptance", self.accept_latency.to_string()),
            ("cost of a message", self.cost.to_string()),
        ])
    }
}
