//! `signalbox-sandbox`: the stand-in for all providers as a process of its own. Reads flags, logs, and stops on a
//! signal.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use sandbox::{SandboxConfig, SandboxError};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const EXAMPLES: &str = "\
Examples:
  Take deliveries on the usual address and report events to whoever delivered:
    signalbox-sandbox

  Hand inbound SMS to these listeners, in this order:
    signalbox-sandbox --callback http://127.0.0.1:4101 --callback http://127.0.0.1:4102

  See what was delivered, and let every tenth SMS fail:
    curl 'http://127.0.0.1:4300/outbox?channel=SMS&limit=10'
    curl -X PUT http://127.0.0.1:4300/v1/faults -d '{\"rules\":[{\"name\":\"some fail\",\"channel\":\"SMS\",
      \"share\":100,\"action\":{\"kind\":\"fail\",\"status\":\"temporary_failure\"}}]}'

  Logs: RUST_LOG=sandbox=debug signalbox-sandbox";

/// Stands in for every provider: accepts deliveries for any channel, keeps them to be looked at, reports delivery
/// events back, and fails, delays, throttles or hangs when told to.
#[derive(Debug, Parser)]
#[command(name = "signalbox-sandbox", version, after_help = EXAMPLES)]
struct Flags {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value_t = SandboxConfig::default().listen)]
    listen: SocketAddr,
    /// A listener (http://host:port) that takes events and inbound SMS; repeat it, the first is tried first.
    #[arg(long = "callback", value_name = "URL")]
    callbacks: Vec<String>,
    /// A file with the secret that callbacks are signed with, as the nodes have it in providers.sandbox_secrets; without
    /// it the public one of development clusters.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<std::path::PathBuf>,
    /// Don't report delivery events.
    #[arg(long)]
    no_events: bool,
    /// Seeds which deliveries faults with a share hit.
    #[arg(long, value_name = "NUMBER", default_value_t = SandboxConfig::default().seed)]
    seed: u64,
    /// Newest messages kept.
    #[arg(long, value_name = "COUNT", default_value_t = SandboxConfig::default().retain_messages)]
    retain_messages: usize,
    /// Newest event stream records kept.
    #[arg(long, value_name = "COUNT", default_value_t = SandboxConfig::default().retain_records)]
    retain_records: usize,
    /// Bytes kept of both together.
    #[arg(long, value_name = "BYTES", default_value_t = SandboxConfig::default().retain_bytes)]
    retain_bytes: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signalbox-sandbox: failed to {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), Failure> {
    let sandbox = sandbox::bind(flags.into_config()?).await?;
    println!("sandbox: http://{}/ (page), /outbox, /events, /inbound; stop with Ctrl-C", sandbox.local_addr());
    Ok(sandbox.serve(stop_signal()).await?)
}

/// Why the sandbox ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("read {path}", path = path.display())]
    SecretFile {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Flags {
    fn into_config(self) -> Result<SandboxConfig, Failure> {
        let secret = match self.secret_file {
            Some(path) => match std::fs::read_to_string(&path) {
                Ok(text) => text.trim_end().to_owned(),
                Err(source) => return Err(Failure::SecretFile { path, source }),
            },
            None => sandbox::DEVELOPMENT_SECRET.to_owned(),
        };
        Ok(SandboxConfig {
            listen: self.listen,
            callbacks: self.callbacks,
            secret,
            emit_events: !self.no_events,
            retain_messages: self.retain_messages,
            retain_records: self.retain_records,
            retain_bytes: self.retain_bytes,
            seed: self.seed,
        })
    }
}

/// Done when the process is asked to end; never, if the system gives no signals.
async fn stop_signal() {
    let asked = |kind| async move {
        match signal(kind) {
            Ok(mut signals) => signals.recv().await,
            Err(error) => {
                tracing::warn!(%error, "failed to install a signal handler");
                std::future::pending().await
            }
        }
    };
    tokio::select! {
        _ = asked(SignalKind::interrupt()) => {}
        _ = asked(SignalKind::terminate()) => {}
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
