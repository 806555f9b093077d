//! `signalbox serve`: one node, from its configuration until it is asked to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use node::config::{self, Config};
use node::observability::{self, LogFormat};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::failure::{Failure, with_causes};

const EXAMPLES: &str = "\
SIGTERM and SIGINT stop the node gracefully: its region's share and its leaderships move to other nodes, dispatches \
under way are finished and recorded, and the databases are flushed. Allow 45 seconds. When the node is ready again, its \
region gets its share back automatically. A kill at any moment loses nothing that was acknowledged. Logs go to standard \
error; RUST_LOG filters them.

Examples:
  signalbox serve --config deploy/local/us-east-1.toml
  signalbox serve --config /etc/signalbox/node.toml --set cluster.round_trip_ms=80 --log-format json
  SIGNALBOX__LISTEN__REST=0.0.0.0:4101 signalbox serve --config /etc/signalbox/node.toml";

/// Runs one node until it is asked to stop.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Override a configuration key of the file and the environment; repeatable.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
    /// Format of log lines.
    #[arg(long, value_enum, default_value_t = Lines::Text)]
    log_format: Lines,
    /// Stop also when standard input closes, so that the node never outlives its supervisor.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lines {
    /// For people.
    Text,
    /// One JSON object per line, for programs.
    Json,
}

impl Serve {
    pub async fn run(self) -> Result<(), Failure> {
        let config = load(&self.config, &self.settings)?;
        observability::init_logs(match self.log_format {
            Lines::Text => LogFormat::Text,
            Lines::Json => LogFormat::Json,
        });
        if let Some(warning) = exposure(&self.config, &config) {
            tracing::warn!("{warning}");
        }
        let stop = StopSignals::listen()?;
        let input_end = if self.until_stdin_closes { Some(input_end()?) } else { None };
        let (file, settings) = (self.config, self.settings);
        let again = Arc::new(move || config::load(&file, environment(), &settings));
        node::serve(config, again, asked_to_stop(stop, input_end)).await?;
        Ok(())
    }
}

/// Warns of a configuration file that holds secrets and that others may read or change. Files that hold nothing else are
/// refused then; this one may be an example with public keys.
pub fn exposure(file: &Path, config: &Config) -> Option<String> {
    let metadata = std::fs::metadata(file).ok().filter(|_| !config.keys.is_empty())?;
    let mode = config::secret::exposed(&metadata)?;
    let file = file.display();
    Some(format!(
        "{file} holds keys and has mode {mode:04o}, so that others can read or change it: chmod 640 or stricter"
    ))
}

/// Reads a configuration with the environment's variables and the settings laid over it.
///
/// # Errors
/// `Usage`, naming the file and the key.
pub fn load(file: &Path, settings: &[String]) -> Result<Config, Failure> {
    let loaded = config::load(file, environment(), settings);
    loaded.map_err(|error| {
        let reason = with_causes(&error);
        let shown = file.display().to_string();
        // Some reasons name the file already.
        let place = if reason.contains(&shown) { String::new() } else { format!("{shown}: ") };
        Failure::Usage(format!("{place}{reason}; correct it and check it with `signalbox check-config`"))
    })
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The signals that ask a process to stop.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> anyhow::Result<StopSignals> {
        let on = |kind| signal(kind).context("failed to listen for signals");
        Ok(StopSignals { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())? })
    }
}

async fn asked_to_stop(mut signals: StopSignals, input_end: Option<oneshot::Receiver<()>>) {
    let input_ended = async {
        match input_end {
            // The thread that reads always says so before it ends.
            Some(ended) => drop(ended.await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = signals.interrupt.recv() => {}
        _ = signals.terminate.recv() => {}
        () = input_ended => {}
    }
}

/// Tells when standard input ends. The reader is a thread of its own, so that no runtime waits for it at the end.
fn input_end() -> anyhow::Result<oneshot::Receiver<()>> {
    let (ended, ends) = oneshot::channel();
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            // An input that can't be read has ended too.
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ = ended.send(());
        })
        .context("failed to start the thread that reads standard input")?;
    Ok(ends)
}
