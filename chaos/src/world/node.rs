//! One node's process: how it starts, is killed, stopped for a while, and goes on.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin};
use tokio::time::sleep;

use super::disk::Disk;
use super::folder::Files;
use super::network::Network;
use super::shim::Shim;

/// How long a node may take to stand still, and how often that is looked at.
const FREEZE_MAX: Duration = Duration::from_secs(2);
const FREEZE_LOOK: Duration = Duration::from_millis(1);

/// How long a node may take to end in order: it hands over what it leads, and waits for what it began.
const LEAVE_MAX: Duration = Duration::from_secs(45);

/// A node: where its files are, and its process if it runs.
pub(super) struct Node {
    pub place: usize,
    /// What it runs from its next start on.
    pub program: PathBuf,
    pub config: PathBuf,
    pub log: PathBuf,
    /// The folder of all that it stores.
    pub data: PathBuf,
    /// Its disk, where that can lose power or be filled.
    pub disk: Option<Disk>,
    /// Its wall clock and its syncs, where those can be set.
    pub shim: Option<Shim>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// The node ends when this does, so that it never outlives this program.
    _lifeline: Option<ChildStdin>,
}

impl Node {
    /// Returns a node that doesn't run.
    pub fn new(place: usize, program: PathBuf, files: &Files<'_>) -> Node {
        let (config, log, data) = (files.config_path(place), files.log_path(place), files.stored_path(place));
        Node { place, program, config, log, data, disk: None, shim: None, running: None }
    }

    /// Starts the process; does nothing when it runs.
    ///
    /// # Errors
    /// When its log can't be written or the process can't be started.
    pub fn start(&mut self, network: &Network) -> anyhow::Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("failed to open {}", self.log.display()))?;
        let mut command = network.command(self.place, &self.program);
        command.args(["serve", "--until-stdin-closes", "--config"]).arg(&self.config);
        command.stdin(Stdio::piped()).stdout(log.try_clone().context("failed to share the log")?).stderr(log);
        command.envs(self.shim.iter().flat_map(Shim::environment));
        let mut child = command.kill_on_drop(true).spawn().context("failed to start a node")?;
        self.running = Some(Running { _lifeline: child.stdin.take(), child });
        Ok(())
    }

    /// Kills the process as `kill -9` does, and waits until it is gone; it may have ended already.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        match self.running.take() {
            Some(mut running) if running.child.id().is_some() => {
                running.child.kill().await.context("failed to kill a node")
            }
            _ => Ok(()),
        }
    }

    /// Asks the process to end, as a supervisor does, and waits until it has.
    ///
    /// # Errors
    /// When it is still there after [`LEAVE_MAX`].
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if self.running.is_some() {
            self.signal(Signal::TERM)?;
        }
        self.wait_ended(LEAVE_MAX).await.map(drop)
    }

    /// Waits until the process has ended by itself, and says how.
    ///
    /// # Errors
    /// When it is still there after `at_most`; it goes on then.
    pub async fn wait_ended(&mut self, at_most: Duration) -> anyhow::Result<String> {
        let Some(running) = &mut self.running else { return Ok("it doesn't run".to_owned()) };
        let ended = tokio::time::timeout(at_most, running.child.wait()).await;
        let status = ended.with_context(|| format!("a node still runs after {at_most:?}"))??;
        self.running = None;
        Ok(status.to_string())
    }

    /// Stops the process where it is (SIGSTOP); [`go_on`](Node::go_on) ends that.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Stops the process and waits until each of its threads stands still: one may be in the midst of a write.
    ///
    /// # Errors
    /// When the system refuses, or a thread goes on for too long.
    pub async fn freeze(&self) -> anyhow::Result<()> {
        self.pause()?;
        let tasks = format!("/proc/{}/task", self.process()?.as_raw_nonzero());
        let began = Instant::now();
        while !all_stopped(&tasks)? {
            if began.elapsed() > FREEZE_MAX {
                self.go_on()?;
                bail!("a node doesn't stand still after {FREEZE_MAX:?}");
            }
            sleep(FREEZE_LOOK).await;
        }
        Ok(())
    }

    /// Lets a stopped process go on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn go_on(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Says how the process ended, if it did although nobody killed it.
    pub fn ended(&mut self) -> Option<String> {
        let ended = self.running.as_mut()?.child.try_wait();
        match ended {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(self.process()?, signal).context("failed to signal a node")
    }

    fn process(&self) -> anyhow::Result<Pid> {
        let id = self.running.as_ref().and_then(|running| running.child.id());
        id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).context("the node doesn't run")
    }
}

/// Says whether every thread of a process is stopped: the state stands after the name, which is in brackets.
fn all_stopped(tasks: &str) -> anyhow::Result<bool> {
    for task in std::fs::read_dir(tasks).context("failed to list a node's threads")? {
        let stat = task.context("failed to list a node's threads")?.path().join("stat");
        // A thread that is gone by now writes nothing.
        let Ok(stat) = std::fs::read_to_string(stat) else { continue };
        if !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')) {
            return Ok(false);
        }
    }
    Ok(true)
}
