//! A development cluster that is started for a measurement and stopped after it.

use std::time::Duration;

use clap::Args;
use signalbox::dev::{Layout, MODES};
use tokio::process::Command;

use super::children::Children;
use super::run::Run;
use crate::cluster::DevelopmentCluster;

/// How long an answer over gRPC may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A development cluster that runs.
pub struct StartedCluster {
    /// The cluster.
    pub cluster: DevelopmentCluster,
    /// What `signalbox dev` said when it was ready.
    pub ready: String,
    children: Children,
}

impl StartedCluster {
    /// Starts a cluster with fresh data in a folder of this name, and waits until it is ready.
    pub async fn start(run: &Run, name: &str, partitions: u16) -> anyhow::Result<StartedCluster> {
        let layout = Layout { base_port: run.base_port, folder: run.folder.join(name), mode: MODES[0].to_owned() };
        let mut children = Children::default();
        let mut command = Command::new(&run.program);
        command
            .args(["dev", "--fresh", "--base-port", &run.base_port.to_string(), "--folder"])
            .arg(&layout.folder)
            .env("SIGNALBOX__CLUSTER__PARTITIONS", partitions.to_string())
            .env("SIGNALBOX__FAILOVER__CHANGES_PER_HOUR_MAX", "1000");
        let ready = children.start_until(command, "is ready after").await?;
        let cluster = DevelopmentCluster::find(layout, ANSWER_MAX).await?;
        Ok(StartedCluster { cluster, ready, children })
    }

    /// Stops the cluster.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.children.stop().await
    }
}

/// Reads a command of this program, so that what is measured is what the table says: `send --max --clients 32`.
pub fn measurement<M: Args>(command: &str) -> anyhow::Result<M> {
    let reader = M::augment_args(clap::Command::new("signalbox-bench"));
    // The first word stands where the program's name does.
    let matches = reader.try_get_matches_from(command.split(' '))?;
    Ok(M::from_arg_matches(&matches)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::send::SendMeasurement;

    #[test]
    fn a_command_of_the_table_is_read_as_the_command_line_would() {
        assert!(measurement::<SendMeasurement>("send --max --recipients 1 --clients 256 --length 8s").is_ok());
        assert!(measurement::<SendMeasurement>("send --clients 256").is_err());
    }
}
