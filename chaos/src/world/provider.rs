//! The provider: the sandbox, outside and in this process.

use anyhow::Context;
use sandbox::{DEVELOPMENT_SECRET, SandboxConfig};

use super::cluster::{Cluster, ClusterOptions};
use super::folder::{REST, SANDBOX};
use super::network::address;

/// What the provider keeps: everything that a long run sends.
const RETAIN_MESSAGES: usize = 5_000_000;
const RETAIN_BYTES: usize = 2 << 30;

/// Starts the provider, outside and in this process: it lives as long as the run.
pub(super) async fn start_provider(options: &ClusterOptions) -> anyhow::Result<()> {
    let outside = address(options.regions.len());
    let callbacks = (0..options.regions.len()).filter(|place| Some(*place) != options.witness);
    let config = SandboxConfig {
        listen: format!("{outside}:{SANDBOX}").parse().context("the provider's address")?,
        callbacks: callbacks.map(|place| format!("http://{}:{REST}", address(place))).collect(),
        secret: DEVELOPMENT_SECRET.to_owned(),
        retain_messages: RETAIN_MESSAGES,
        retain_bytes: RETAIN_BYTES,
        seed: options.seed,
        ..SandboxConfig::default()
    };
    let provider = sandbox::bind(config).await.context("failed to start the provider")?;
    tokio::spawn(provider.serve(std::future::pending()));
    Ok(())
}

impl Cluster {
    /// Returns everything that the provider took, as its lines of JSON.
    ///
    /// # Errors
    /// When the provider doesn't answer.
    pub async fn taken(&self) -> anyhow::Result<String> {
        let url = format!("http://{}:{SANDBOX}/outbox", address(self.options.regions.len()));
        let client = reqwest::Client::new();
        let answer = client.get(url).send().await.context("failed to ask the provider")?;
        answer.text().await.context("failed to read what the provider took")
    }
}
