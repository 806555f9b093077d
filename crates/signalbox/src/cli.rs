//! What can be typed: the global options and the list of commands. Each command's own options are in its file.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::commands;
use crate::connection::{Connection, Key, ListenerAddress};
use crate::console::{Console, Format};
use crate::failure::Failure;

/// The gRPC listeners of a development cluster.
pub const DEFAULT_LISTENERS: &str = "127.0.0.1:4201,127.0.0.1:4202,127.0.0.1:4203";

/// The longest wait that can be asked for.
const DURATION_MAX: Duration = Duration::from_secs(86_400);

const EXAMPLES: &str = "\
Examples:
  Start three regions with sandbox providers on this machine:
    signalbox dev

  Show the state of the cluster and the traffic plan:
    signalbox status
    signalbox traffic plan

  Evacuate a region, then restore it:
    signalbox traffic evacuate us-east-1 --reason 'carrier outage' --dry-run
    signalbox traffic evacuate us-east-1 --reason 'carrier outage'
    signalbox traffic restore us-east-1 --reason 'carrier is back'

  Send and follow a message:
    signalbox send --app $APP --channel SMS --to +12065550100 --text 'Hello' --watch

  Query another cluster, with JSON output:
    signalbox accounting --endpoint 10.0.0.7:4201,10.1.0.7:4201 --output json

Exit codes: 0 success, 1 refused or failed, 2 usage error, 3 no listener answered.";

/// A multi-region control plane for customer messaging: runs its nodes, and is their operator's tool.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, after_help = EXAMPLES, max_term_width = 110, disable_help_subcommand = true)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// The options of every command that asks a cluster.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command that asks a cluster.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Asking a cluster")]
pub struct Global {
    /// gRPC listeners to try in order until one connects; repeat the option or separate them by commas.
    #[arg(
        long = "endpoint",
        value_name = "HOST:PORT",
        env = "SIGNALBOX_GRPC",
        global = true,
        value_delimiter = ',',
        default_value = DEFAULT_LISTENERS
    )]
    pub endpoints: Vec<ListenerAddress>,
    /// Access key id [then AWS_ACCESS_KEY_ID; on loopback then the development key].
    #[arg(long, value_name = "ID", env = "SIGNALBOX_KEY_ID", global = true)]
    pub key_id: Option<String>,
    /// Access key secret [then AWS_SECRET_ACCESS_KEY]; prefer the environment, arguments are visible to others.
    #[arg(long, value_name = "SECRET", env = "SIGNALBOX_SECRET", global = true, hide_env_values = true)]
    pub secret: Option<String>,
    /// Output format: a table, or JSON for programs.
    #[arg(long, value_enum, global = true, default_value_t = Format::Table)]
    pub output: Format,
    /// Timeout of one request, such as 10s or 500ms.
    #[arg(long, value_name = "TIME", global = true, default_value = "30s", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run three regions with sandbox providers on this machine
    Dev(commands::dev::Dev),
    /// Run one node
    Serve(commands::serve::Serve),
    /// Validate a configuration file without starting a node
    CheckConfig(commands::check_config::CheckConfig),
    /// Show nodes, groups, leaders, leases and alarms
    Status(commands::status::Status),
    /// Show and change the traffic plan
    Traffic(commands::traffic::Traffic),
    /// Add, promote and remove nodes; transfer leadership
    Cluster(commands::cluster::Cluster),
    /// Create, show and delete apps
    App(commands::app::App),
    /// Configure an app's channels
    Channel(commands::channel::Channel),
    /// Create or update, show and delete endpoints
    Endpoint(commands::endpoint::Endpoint),
    /// Send messages
    Send(Box<commands::send::Send>),
    /// Show and follow messages
    Message(commands::message::Message),
    /// List held messages (dispatch outcome unknown) and resolve them
    Held(commands::held::Held),
    /// Record, show and remove opt-outs
    OptOut(commands::opt_out::OptOut),
    /// Count accepted messages by outcome
    Accounting(commands::accounting::Accounting),
    /// Measure a development cluster on this machine
    Bench(commands::bench::Bench),
    /// Print shell completions
    Completions(commands::completions::Completions),
}

/// What a command works with.
pub struct Context<'a> {
    /// The global options.
    pub global: Global,
    /// Where its output goes.
    pub console: Console<'a>,
}

impl Context<'_> {
    /// Connects to the cluster.
    ///
    /// # Errors
    /// `Usage` without a key, `Unreachable` when no listener answers.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        let given = (self.global.key_id.as_deref(), self.global.secret.as_deref());
        let key = Key::choose(given, |name| std::env::var(name).ok(), &self.global.endpoints)?;
        Connection::open(&self.global.endpoints, key, self.global.timeout).await
    }
}

/// Reads a time such as `10s`, `500ms`, `5m`, `72h` or `30` (seconds).
///
/// # Errors
/// When it is none, or none that is positive and at most a day.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = parse_any_duration(text)?;
    if duration > DURATION_MAX { Err("must be at most a day".to_owned()) } else { Ok(duration) }
}

/// Reads a time of any length; see [`parse_duration`].
///
/// # Errors
/// When it is none, or not positive.
pub fn parse_any_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a time such as 30s, 500ms, 5m or 2h".to_owned();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_ms = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let ms = number.checked_mul(unit_ms).filter(|ms| *ms > 0).ok_or_else(wrong)?;
    Ok(Duration::from_millis(ms))
}

/// Reads `NAME=VALUE`.
///
/// # Errors
/// When there is no `=` or no name.
pub fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}
