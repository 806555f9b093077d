//! `signalbox-bench endpoints`: endpoints written through the gRPC listeners of all regions.

use std::time::Duration;

use clap::Args;
use futures::future::join_all;
use serde::Serialize;
use signalbox::connection::Signed;
use signalbox::console::{View, facts};
use signalbox::durations::parse_duration;
use wire::v1;
use wire::v1::endpoints_client::EndpointsClient;

use super::send_callers::telephone;
use crate::cluster::{Cost, DevelopmentCluster, Reading, make_app, region_of};
use crate::measure::{Caller, Done, Load, Pace, Percentiles, Tally, run};

/// The longest value of an attribute, as Pinpoint has it; longer payloads are several values.
const VALUE_MAX: usize = 100;

/// What a write holds beside its payload, in bytes, about: ids, the number, names and tags.
const AROUND_PAYLOAD: usize = 100;

/// How long load is put on before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// Measures writing endpoints. No request carries more than one endpoint yet; the nodes merge what arrives together.
#[derive(Debug, Args)]
pub struct EndpointMeasurement {
    /// Clients, spread over the regions, with a connection each.
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=4_096))]
    clients: u64,
    /// Writes that a client has under way at once on its connection; latency is then that of all of them.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    batch: u64,
    /// Apps that the endpoints are of; one app's endpoints are all in one group.
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    apps: u64,
    /// Different endpoints; writes beyond them change what is there.
    #[arg(long = "endpoints", value_name = "COUNT", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    different: u64,
    /// About how many bytes a write is, encoded.
    #[arg(long, value_name = "BYTES", default_value_t = 256, value_parser = clap::value_parser!(u64).range(128..=4_096))]
    size: u64,
    /// For how long writes begin.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    length: Duration,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct EndpointsReport {
    pub written: u64,
    pub failures: u64,
    pub first_failure: Option<String>,
    pub written_per_s: f64,
    pub written_per_node_cpu_s: f64,
    pub latency: Percentiles,
    pub cost: Cost,
}

/// One client.
pub struct EndpointWriter {
    /// Its connection.
    pub endpoints: EndpointsClient<Signed>,
    /// What it writes.
    pub writes: Writes,
    /// How many writes are under way at once.
    pub batch: u64,
}

/// What is written.
#[derive(Debug, Clone)]
pub struct Writes {
    /// The apps, taken in turn.
    pub apps: Vec<String>,
    /// How many different endpoints there are.
    pub endpoints: u64,
    /// About how many bytes a write is, encoded.
    pub size: usize,
}

impl EndpointMeasurement {
    pub async fn measure(self, cluster: &DevelopmentCluster) -> anyhow::Result<EndpointsReport> {
        let mut apps = Vec::new();
        for _ in 0..self.apps {
            apps.push(make_app(cluster).await?);
        }
        let writes = Writes { apps, endpoints: self.different, size: self.size as usize };
        self.load(cluster, &writes, WARM_UP).await?;
        let used = Reading::take(cluster).await?;
        let tally = self.load(cluster, &writes, self.length).await?;
        let cost = used.cost(cluster, tally.units)?;
        Ok(EndpointsReport {
            written: tally.units,
            failures: tally.failures,
            written_per_s: tally.units_per_second(),
            written_per_node_cpu_s: tally.units as f64 / cost.node_cpu_s.max(f64::MIN_POSITIVE),
            latency: tally.latency.percentiles(),
            cost,
            first_failure: tally.first_failure,
        })
    }

    async fn load(&self, cluster: &DevelopmentCluster, writes: &Writes, length: Duration) -> anyhow::Result<Tally> {
        let mut callers = Vec::new();
        for client in 0..self.clients {
            let endpoints = cluster.connect(region_of(client)).await?.endpoints();
            callers.push(EndpointWriter { endpoints, writes: writes.clone(), batch: self.batch });
        }
        Ok(run(Load { pace: Pace::Max, length, requests_max: u64::MAX }, callers).await)
    }
}

impl Writes {
    fn request(&self, number: u64) -> v1::PutEndpointRequest {
        let number = number % self.endpoints;
        let app = &self.apps[(number % self.apps.len() as u64) as usize];
        let payload = self.size.saturating_sub(AROUND_PAYLOAD);
        let value = |at: usize| "x".repeat(VALUE_MAX.min(payload - at));
        let values = (0..payload).step_by(VALUE_MAX).map(value).collect();
        let patch = v1::EndpointPatch {
            channel: v1::Channel::Sms as i32,
            address: Some(telephone(number)),
            attributes: [("note".to_owned(), v1::Values { values })].into(),
            ..Default::default()
        };
        let endpoint_id = format!("bench-{number:08}");
        v1::PutEndpointRequest { app_id: app.clone(), endpoint_id, patch: Some(patch), ..Default::default() }
    }
}

impl Caller for EndpointWriter {
    async fn call(&mut self, number: u64) -> Result<Done, String> {
        let first = number * self.batch;
        let put = |number| {
            let mut endpoints = self.endpoints.clone();
            let request = self.writes.request(number);
            async move { endpoints.put(request).await }
        };
        let answers = join_all((first..first + self.batch).map(put)).await;
        for answer in answers {
            answer.map_err(|status| status.to_string())?;
        }
        Ok(Done { units: self.batch, refused: 0 })
    }
}

impl View for EndpointsReport {
    fn text(&self) -> String {
        let failures = match &self.first_failure {
            Some(failure) => format!("{}: {failure}", self.failures),
            None => String::new(),
        };
        facts([
            ("written", format!("{:.0} endpoints/s ({} in all)", self.written_per_s, self.written)),
            ("failed", failures),
            ("per CPU second", format!("{:.0} endpoints per CPU second of the nodes", self.written_per_node_cpu_s)),
            ("latency", self.latency.to_string()),
            ("cost of a write", self.cost.to_string()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_has_about_the_size_that_was_asked_for() {
        for size in [128, 256, 1_024] {
            let app = "0123456789abcdef0123456789abcdef".to_owned();
            let writes = Writes { apps: vec![app], endpoints: 10, size };
            let request = writes.request(13);
            assert_eq!(request.endpoint_id, "bench-00000003");
            let found = prost::Message::encoded_len(&request);
            assert!(found.abs_diff(size) < 40, "{found} for {size}");
        }
    }
}
