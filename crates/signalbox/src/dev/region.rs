//! One region of a development cluster: a `signalbox serve` process that is started, killed and watched.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use model::id::ClusterId;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};

use super::layout::{Layout, REGIONS};

/// How long a process may take to stop before it is killed: longer than a node waits for all that it passes on and
/// ends.
const STOP_MAX: Duration = Duration::from_secs(40);

/// A region's process, if it runs.
pub struct Region {
    index: usize,
    cluster: ClusterId,
    child: Option<Child>,
    /// Open as long as the process should run; kept apart because waiting for a child closes its own handle.
    lifeline: Option<ChildStdin>,
}

impl Region {
    /// Returns a region that doesn't run.
    pub fn new(index: usize, cluster: ClusterId) -> Region {
        Region { index, cluster, child: None, lifeline: None }
    }

    /// Returns the region's name.
    pub fn name(&self) -> &'static str {
        REGIONS[self.index]
    }

    /// Starts the process; does nothing when it runs.
    ///
    /// # Errors
    /// When its configuration or log can't be written or the process can't be started.
    pub fn start(&mut self, layout: &Layout) -> anyhow::Result<()> {
        if self.running() {
            return Ok(());
        }
        let config = layout.config(self.index);
        let data = layout.folder.join(self.name());
        let text = layout.config_text(self.index, self.cluster, &data) + &layout.tls_text(self.index);
        write_private(&config, &text).with_context(|| format!("failed to write {}", config.display()))?;
        let log = layout.log(self.index);
        let lines = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("failed to open {}", log.display()))?;
        let program = std::env::current_exe().context("failed to find this program's own file")?;
        // The process ends when its standard input does, so that it never outlives this one.
        let mut child = Command::new(program)
            .args(["serve", "--until-stdin-closes", "--config"])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(lines.try_clone().context("failed to share the log")?)
            .stderr(lines)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", self.name()))?;
        self.lifeline = child.stdin.take();
        self.child = Some(child);
        Ok(())
    }

    /// Says whether the process runs.
    pub fn running(&mut self) -> bool {
        let running = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if !running {
            self.child = None;
        }
        running
    }

    /// Returns the process's number, if it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Kills the process as `kill -9` does; does nothing when it doesn't run.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await.with_context(|| format!("failed to kill {}", self.name()))?;
        }
        Ok(())
    }

    /// Asks the process to stop and waits for it; kills it when it takes too long.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).with_context(|| format!("failed to stop {}", self.name()))?;
        }
        match tokio::time::timeout(STOP_MAX, child.wait()).await {
            Ok(ended) => ended.map(drop).context("failed to wait for the process"),
            Err(_) => child.kill().await.context("failed to kill the process"),
        }
    }

    /// Waits until a running process ends by itself; forever when it doesn't run.
    pub async fn ended(&mut self) -> String {
        match self.child.as_mut() {
            Some(child) => {
                let status = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
                self.child = None;
                status
            }
            None => std::future::pending().await,
        }
    }
}

/// Writes a file that its owner alone may read: it holds the development key.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}
