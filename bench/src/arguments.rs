//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use signalbox::console::Format;
use signalbox::durations::parse_duration;

use crate::all::All;
use crate::commands::endpoints::EndpointMeasurement;
use crate::commands::failover::FailoverMeasurement;
use crate::commands::idle::IdleMeasurement;
use crate::commands::send::SendMeasurement;

const EXAMPLES: &str = "\
All but `all` run against `signalbox dev` on this machine, in another terminal, with the same --base-port or --folder. \
The load comes from this process: it, the three regions and the sandbox share the machine, and the share of each is \
reported.

Examples:
  signalbox-bench send --max --clients 32
  signalbox-bench send --rate 12500 --clients 64      latency at a fixed rate
  signalbox-bench send --max --recipients 1 --clients 256
  signalbox-bench endpoints --clients 256
  signalbox-bench idle --length 30s
  signalbox-bench failover --rounds 6
  signalbox-bench all --program target/debug/signalbox --only load

`bench/run` builds everything and runs `signalbox-bench all`.";

/// Measures Signalbox and its peers on this machine.
#[derive(Debug, Parser)]
#[command(name = "signalbox-bench", after_help = EXAMPLES, max_term_width = 110, disable_help_subcommand = true)]
pub struct Arguments {
    /// What is measured.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Messages accepted and sent per second, acceptance latency, cost of a message
    Send(Measured<SendMeasurement>),
    /// Endpoints written per second, and the cost of a write
    Endpoints(Measured<EndpointMeasurement>),
    /// Memory, processor time and traffic of an idle cluster, and the time from start to ready
    Idle(Measured<IdleMeasurement>),
    /// Kill one region after another under load: the time until messages are accepted and sent again
    Failover(Measured<FailoverMeasurement>),
    /// Start development clusters, etcd and NATS, measure everything, and print a table
    All(All),
}

/// A measurement and the development cluster it is of.
#[derive(Debug, Args)]
pub struct Measured<M: Args> {
    /// How it is measured.
    #[command(flatten)]
    pub measurement: M,
    /// What is measured.
    #[command(flatten)]
    pub cluster: ClusterArguments,
}

/// Where the development cluster is, and what the answer looks like.
#[derive(Debug, Args)]
#[command(next_help_heading = "The development cluster")]
pub struct ClusterArguments {
    /// Base port of the development cluster.
    #[arg(long, value_name = "PORT", default_value_t = 4100,
          value_parser = clap::value_parser!(u16).range(1_024..=65_000))]
    pub base_port: u16,
    /// Folder of the development cluster [default: as `signalbox dev` has it].
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Timeout of one gRPC request, such as 10s or 500ms.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Output format: lines and tables, or JSON for programs.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}
