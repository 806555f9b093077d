//! `signalbox-bench failover`: one region after another is killed under load, and comes back.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::Serialize;
use signalbox::console::{Console, View, table};
use signalbox::dev::{Order, REGIONS};
use tokio::time::sleep;

use super::failover_round::{Probe, Round, judge};
use super::send_callers::{sms_request, telephone};
use crate::cluster::{DevelopmentCluster, RestClient, SandboxStats, make_app};
use crate::measure::{Caller, Done, Latency, Load, Pace, Percentiles, run};

/// How long load runs before the region is killed.
const BEFORE_KILL: Duration = Duration::from_secs(3);

/// How long load runs in all.
const LOAD_LENGTH: Duration = Duration::from_secs(15);

/// Clients at each listener: more than requests that wait during a failover, so that the schedule is kept.
const CLIENTS_A_LISTENER: usize = 200;

/// How long the sandbox's count may stand still before the rest counts as not sent.
const STALL_MAX: Duration = Duration::from_secs(15);

/// How long the cluster rests between rounds.
const REST: Duration = Duration::from_secs(3);

/// Measures the loss of a region. Start the cluster with `SIGNALBOX__FAILOVER__CHANGES_PER_HOUR_MAX=1000` for more than
/// 6 rounds: without it, automatic changes are limited to 6 an hour.
#[derive(Debug, Args)]
pub struct FailoverMeasurement {
    /// How often; the regions take turns.
    #[arg(long, value_name = "COUNT", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    rounds: u64,
    /// Messages a second over all listeners, one recipient each.
    #[arg(long, value_name = "MESSAGES", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=300))]
    rate: u64,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct FailoverReport {
    pub rounds: Vec<Round>,
    pub accepting: Percentiles,
    pub flowing: Percentiles,
    pub waiting: Percentiles,
    pub not_sent: u64,
    pub duplicates: u64,
}

/// A client whose messages are followed one by one.
struct Prober {
    client: RestClient,
    target: String,
    at_lost_listener: bool,
    first_number: u64,
    probes: Arc<Mutex<Vec<Probe>>>,
}

impl FailoverMeasurement {
    pub async fn measure(
        self,
        cluster: &DevelopmentCluster,
        console: &mut Console<'_>,
    ) -> anyhow::Result<FailoverReport> {
        let stats = SandboxStats::new(&cluster.layout.sandbox())?;
        let mut rounds = Vec::new();
        for number in 0..self.rounds {
            let lost = (number % REGIONS.len() as u64) as usize;
            let round = self.round(cluster, &stats, lost).await?;
            console.say(&round.line())?;
            rounds.push(round);
            let other = (lost + 1) % REGIONS.len();
            cluster.order(Order::Start(REGIONS[lost].to_owned())).await?;
            cluster.ready(lost).await?;
            cluster.restore(lost, other).await?;
            sleep(REST).await;
        }
        let percentiles = |time: fn(&Round) -> u64| {
            let mut latency = Latency::default();
            rounds.iter().for_each(|round| latency.record(Duration::from_millis(time(round))));
            latency.percentiles()
        };
        let report = FailoverReport {
            accepting: percentiles(|round| round.accepting_ms),
            flowing: percentiles(|round| round.flowing_ms),
            waiting: percentiles(|round| round.waiting_ms),
            not_sent: rounds.iter().map(|round| round.not_sent).sum(),
            duplicates: rounds.iter().map(|round| round.duplicates).sum(),
            rounds,
        };
        Ok(report)
    }

    async fn round(&self, cluster: &DevelopmentCluster, stats: &SandboxStats, lost: usize) -> anyhow::Result<Round> {
        let app = make_app(cluster).await?;
        let before = stats.read().await?;
        let probes = Arc::new(Mutex::new(Vec::new()));
        let prober = |client: usize| {
            let region = client % REGIONS.len();
            Prober {
                client: RestClient::new(cluster.layout.rest(region), REGIONS[region]),
                target: format!("/v1/apps/{app}/messages"),
                at_lost_listener: region == lost,
                first_number: before.accepted,
                probes: Arc::clone(&probes),
            }
        };
        let callers = (0..CLIENTS_A_LISTENER * REGIONS.len()).map(prober).collect();
        let load = Load { pace: Pace::PerSecond(self.rate as f64), length: LOAD_LENGTH, requests_max: u64::MAX };
        let load = tokio::spawn(run(load, callers));
        sleep(BEFORE_KILL).await;
        let killed_ms = now_ms();
        cluster.order(Order::Kill(REGIONS[lost].to_owned())).await?;
        let tally = load.await.map_err(anyhow::Error::from)?;
        stats.wait_for(before.accepted + tally.units, STALL_MAX).await?;
        let arrivals = stats.arrivals(&app).await?;
        let duplicates = stats.read().await?.duplicates - before.duplicates;
        let probes = std::mem::take(&mut *probes.lock().expect("nobody panics with the lock"));
        Ok(Round { region: REGIONS[lost], duplicates, ..judge(killed_ms, &probes, &arrivals) })
    }
}

impl Caller for Prober {
    async fn call(&mut self, number: u64) -> Result<Done, String> {
        let submitted_ms = now_ms();
        let body = sms_request(std::iter::once(telephone(self.first_number + number)));
        let answer = self.client.post(&self.target, body).await;
        let message_id = answer.as_ref().ok().and_then(|(_, body)| message_id(body));
        let accepted = message_id.is_some();
        let probe = Probe { submitted_ms, answered_ms: now_ms(), at_lost_listener: self.at_lost_listener, message_id };
        self.probes.lock().expect("nobody panics with the lock").push(probe);
        match answer {
            Ok(_) => Ok(Done { units: u64::from(accepted), refused: u64::from(!accepted) }),
            Err(failure) => Err(failure),
        }
    }
}

/// Finds the message's id in the answer to a request with one recipient.
fn message_id(answer: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let result = answer["MessageResponse"].as_object().map_or(&answer["Result"], |response| &response["Result"]);
    let (_, result) = result.as_object()?.iter().next()?;
    Some(result["MessageId"].as_str()?.to_owned())
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl View for FailoverReport {
    fn text(&self) -> String {
        let row = |name: &str, times: Percentiles| {
            [name.to_owned(), format!("{:.0} ms", times.p50_ms), format!("{:.0} ms", times.p99_ms)]
        };
        let rows = [
            row("other listeners accept every message again", self.accepting),
            row("new messages are sent at once again", self.flowing),
            row("all that waited is sent", self.waiting),
        ];
        format!(
            "{}\n{} rounds; {} accepted messages were not sent, {} arrived twice",
            table(["AFTER THE KILL", "P50", "P99"], rows),
            self.rounds.len(),
            self.not_sent,
            self.duplicates
        )
    }
}
