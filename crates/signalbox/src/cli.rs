//! What can be typed: the global options and the list of commands. Each command's own options are in its file.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::global::Global;

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

/// Runs and operates Signalbox, a multi-region control plane for customer messaging.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, after_help = EXAMPLES, max_term_width = 110, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
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
    /// Make and renew the certificates that nodes show each other
    Certs(commands::certs::Certs),
    /// Show nodes, groups, leaders, leases and alarms
    Status(commands::status::Status),
    /// Show and change the traffic plan
    Traffic(commands::traffic::Traffic),
    /// Ask what the health detector makes of a recorded trace
    Health(commands::health::Health),
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
    /// Count accepted messages by status
    Accounting(commands::accounting::Accounting),
    /// Print shell completions
    Completions(commands::completions::Completions),
}
