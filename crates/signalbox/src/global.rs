//! The options of every command that asks a cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::connection::ListenerAddress;
use crate::console::Format;
use crate::durations::parse_duration;

/// The gRPC listeners of a development cluster.
pub const DEFAULT_LISTENERS: &str = "127.0.0.1:4201,127.0.0.1:4202,127.0.0.1:4203";

/// Options of every command that asks a cluster.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct Global {
    /// gRPC listeners to try in order until one connects; repeat the option or separate them by commas. TLS is spoken
    /// beyond this machine; https:// or http:// before an address says otherwise.
    #[arg(
        long = "endpoint",
        value_name = "HOST:PORT",
        env = "SIGNALBOX_GRPC",
        global = true,
        value_delimiter = ',',
        default_value = DEFAULT_LISTENERS
    )]
    pub endpoints: Vec<ListenerAddress>,
    /// File with the authorities whose certificates listeners may show, as PEM; else the public ones.
    #[arg(long, value_name = "FILE", env = "SIGNALBOX_CA", global = true)]
    pub ca: Option<PathBuf>,
    /// Access key id; else AWS_ACCESS_KEY_ID, else on loopback the development key.
    #[arg(long, value_name = "ID", env = "SIGNALBOX_KEY_ID", global = true)]
    pub key_id: Option<String>,
    /// Access key secret; else AWS_SECRET_ACCESS_KEY. Prefer the environment: arguments are visible to others.
    #[arg(long, value_name = "SECRET", env = "SIGNALBOX_SECRET", global = true, hide_env_values = true)]
    pub secret: Option<String>,
    /// Output format: a table, or JSON for programs.
    #[arg(long, value_enum, global = true, default_value_t = Format::Table)]
    pub output: Format,
    /// Timeout of one request, such as 10s or 500ms.
    #[arg(long, value_name = "TIME", global = true, default_value = "30s", value_parser = parse_duration)]
    pub timeout: Duration,
}
