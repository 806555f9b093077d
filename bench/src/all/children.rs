//! Processes that the runner starts, and ends when it is done with them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long processes may take until they can be used.
const READY_MAX: Duration = Duration::from_secs(90);

/// How long they may take to stop.
const STOP_MAX: Duration = Duration::from_secs(60);

/// How often a port is tried.
const PORT_LOOK: Duration = Duration::from_millis(50);

/// Processes that belong together; killed when dropped.
#[derive(Debug, Default)]
pub struct Children(Vec<Child>);

impl Children {
    /// Starts a process whose output goes to a file.
    pub fn start(&mut self, program: &Path, arguments: &[String], log: &Path) -> anyhow::Result<()> {
        let lines = File::create(log).with_context(|| format!("failed to write {}", log.display()))?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(lines.try_clone().context("failed to share the log")?)
            .stderr(lines)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        self.0.push(child);
        Ok(())
    }

    /// Starts a process and waits until its output has a line with this text; returns the line.
    pub async fn start_until(&mut self, mut command: Command, text: &str) -> anyhow::Result<String> {
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().context("failed to start")?;
        let output = child.stdout.take().context("the process has no output")?;
        self.0.push(child);
        let mut lines = BufReader::new(output).lines();
        let found = timeout(READY_MAX, async {
            while let Some(line) = lines.next_line().await? {
                if line.contains(text) {
                    return Ok(line);
                }
            }
            bail!("the process ended before it said {text:?}");
        });
        let line = found.await.with_context(|| format!("no {text:?} in {READY_MAX:?}"))??;
        // What it says later is of no interest, but it must be able to say it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(line)
    }

    /// Returns the processes' numbers.
    pub fn pids(&self) -> Vec<u32> {
        self.0.iter().filter_map(Child::id).collect()
    }

    /// Asks the processes to stop and waits until they are gone.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for child in &mut self.0 {
            if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
                kill_process(pid, Signal::TERM).context("failed to stop a process")?;
            }
            if timeout(STOP_MAX, child.wait()).await.is_err() {
                child.kill().await.context("failed to kill a process")?;
            }
        }
        Ok(())
    }
}

/// Waits until something listens on a port of this machine.
pub async fn listening(port: u16) -> anyhow::Result<()> {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if began.elapsed() > READY_MAX {
            bail!("nothing listens on port {port} after {READY_MAX:?}");
        }
        sleep(PORT_LOOK).await;
    }
    Ok(())
}

/// Finds a program where Debian's packages put it.
pub fn find(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|file| file.is_file())
}
