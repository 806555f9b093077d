//! What the sandbox counts.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

/// How often the counts are read while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Reads the sandbox's counts.
pub struct SandboxStats {
    client: reqwest::Client,
    base: String,
}

/// The counts at one moment, since the sandbox's start.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Counts {
    /// Messages that it accepted.
    pub accepted: u64,
    /// Messages that it got again after it had accepted them.
    pub duplicates: u64,
    /// Events that wait to be sent.
    pub events_pending: u64,
}

/// A message that the sandbox keeps.
#[derive(Debug, Deserialize)]
struct OutboxLine {
    message_id: String,
    at_ms: u64,
}

impl SandboxStats {
    /// Makes a reader for the sandbox at an address.
    pub fn new(address: &str) -> anyhow::Result<SandboxStats> {
        let client = reqwest::Client::builder().build().context("failed to make an HTTP client")?;
        Ok(SandboxStats { client, base: format!("http://{address}") })
    }

    /// Reads the counts.
    pub async fn read(&self) -> anyhow::Result<Counts> {
        let answer = self.client.get(format!("{}/v1/stats", self.base)).send().await;
        let answer = answer.context("failed to ask the sandbox")?;
        answer.json().await.context("failed to read the sandbox's counts")
    }

    /// Waits until the sandbox accepted so many messages and has sent its events; returns when that was, or nothing
    /// when the count stands still for `stall_max` before.
    pub async fn wait_for(&self, accepted: u64, stall_max: Duration) -> anyhow::Result<Option<Instant>> {
        let (mut last, mut moved) = ((0, 0), Instant::now());
        let mut reached = None;
        loop {
            let counts = self.read().await?;
            let now = (counts.accepted, counts.events_pending);
            if now != last {
                (last, moved) = (now, Instant::now());
            }
            if counts.accepted >= accepted {
                reached.get_or_insert_with(Instant::now);
                if counts.events_pending == 0 {
                    return Ok(reached);
                }
            }
            if moved.elapsed() > stall_max {
                return Ok(reached);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Returns when each message of an app first arrived, in milliseconds since 1970.
    pub async fn arrivals(&self, app: &str) -> anyhow::Result<BTreeMap<String, u64>> {
        let answer = self.client.get(format!("{}/outbox?app_id={app}", self.base)).send().await;
        let text = answer.context("failed to ask the sandbox")?.text().await.context("failed to read its outbox")?;
        let mut arrivals = BTreeMap::new();
        for line in text.lines() {
            let line: OutboxLine = serde_json::from_str(line).context("failed to read a message of the outbox")?;
            arrivals.entry(line.message_id).or_insert(line.at_ms);
        }
        Ok(arrivals)
    }
}
