//! The development cluster that is measured: where its listeners are, and which processes it consists of.

use std::time::Duration;

use anyhow::{Context, bail};
use signalbox::connection::{Connection, Key};
use signalbox::dev::{self, Layout, Order, REGIONS};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};
use wire::v1;

/// How often a region that starts is asked whether it is ready.
const READY_LOOK: Duration = Duration::from_millis(10);

/// How long a region may take until it is ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// How often the partitions are asked which plan they have adopted.
const ADOPTION_LOOK: Duration = Duration::from_millis(50);

/// A running development cluster.
pub struct DevelopmentCluster {
    /// Where everything is.
    pub layout: Layout,
    /// The process that runs the sandbox.
    pub supervisor: u32,
    key: Key,
    timeout: Duration,
}

/// A region that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningRegion {
    /// Its number in [`REGIONS`].
    pub index: usize,
    /// Its process.
    pub pid: u32,
}

impl DevelopmentCluster {
    /// Finds the cluster by its supervisor's socket.
    pub async fn find(layout: Layout, timeout: Duration) -> anyhow::Result<DevelopmentCluster> {
        let socket = layout.socket();
        let stream = UnixStream::connect(&socket).await.with_context(|| {
            format!("no development cluster listens on {}; start one with `signalbox dev`", socket.display())
        })?;
        let pid = stream.peer_cred()?.pid().and_then(|pid| u32::try_from(pid).ok());
        let supervisor = pid.context("failed to learn the supervisor's process")?;
        Ok(DevelopmentCluster { layout, supervisor, key: Key::development(), timeout })
    }

    /// Returns the regions that run.
    pub async fn running(&self) -> anyhow::Result<Vec<RunningRegion>> {
        Ok(running(&self.order(Order::Status).await?))
    }

    /// Returns the processes of the regions that run.
    pub async fn pids(&self) -> anyhow::Result<Vec<u32>> {
        Ok(self.running().await?.into_iter().map(|region| region.pid).collect())
    }

    /// Gives the supervisor an order.
    pub async fn order(&self, order: Order) -> anyhow::Result<String> {
        dev::ask(&self.layout.socket(), &order).await
    }

    /// Connects to a region's gRPC listener.
    pub async fn connect(&self, region: usize) -> anyhow::Result<Connection> {
        let client = self.layout.grpc(region).parse().context("failed to read a gRPC listener's address")?;
        Ok(Connection::open(&[client], None, self.key.clone(), self.timeout).await?)
    }

    /// Waits until a region's listener says that it is ready; returns how long that took.
    pub async fn ready(&self, region: usize) -> anyhow::Result<Duration> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build().context("no HTTP client")?;
        let url = format!("http://{}/readyz", self.layout.rest(region));
        let began = Instant::now();
        while began.elapsed() < READY_MAX {
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(began.elapsed());
            }
            sleep(READY_LOOK).await;
        }
        bail!("{} was not ready after {READY_MAX:?}", REGIONS[region])
    }

    /// Gives a region its share back and waits until every partition has adopted that plan, asking at another region's
    /// listener.
    pub async fn restore(&self, region: usize, ask: usize) -> anyhow::Result<()> {
        let connection = self.connect(ask).await?;
        let mut traffic = connection.traffic();
        let options = v1::ChangeOptions { reason: "bench: the region is back".to_owned(), ..Default::default() };
        let request = v1::RestoreRequest { options: Some(options), region: REGIONS[region].to_owned() };
        let change = connection.answer(traffic.restore(request)).await?;
        let epoch = change.plan.map_or(0, |plan| plan.epoch);
        let began = Instant::now();
        let mut adoption = change.adoption;
        while adoption.iter().any(|adopted| adopted.epoch < epoch) {
            if began.elapsed() > READY_MAX {
                bail!("not every partition adopted plan {epoch} in {READY_MAX:?}");
            }
            sleep(ADOPTION_LOOK).await;
            adoption = connection.answer(traffic.get_plan(v1::GetPlanRequest {})).await?.adoption;
        }
        Ok(())
    }
}

/// Returns the region whose listener a client uses.
pub fn region_of(client: u64) -> usize {
    (client % REGIONS.len() as u64) as usize
}

/// Reads the supervisor's answer to `status`: `us-east-1 runs (process 7), eu-west-1 doesn't run, ...`.
fn running(status: &str) -> Vec<RunningRegion> {
    let region = |(index, part): (usize, &str)| {
        let (_, pid) = part.trim().strip_suffix(')')?.rsplit_once("(process ")?;
        Some(RunningRegion { index, pid: pid.parse().ok()? })
    };
    status.split(", ").enumerate().filter_map(region).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_that_run_are_told_from_those_that_do_not() {
        let status = "us-east-1 runs (process 12), eu-west-1 doesn't run, ap-southeast-2 runs (process 345)\n";
        assert_eq!(running(status), [RunningRegion { index: 0, pid: 12 }, RunningRegion { index: 2, pid: 345 }]);
        assert_eq!(running(""), []);
    }
}
