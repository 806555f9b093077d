//! `signalbox bench`: what a development cluster can do on this machine, measured from outside.

mod apps;
mod cluster;
mod endpoints;
mod failover;
mod failover_round;
mod idle;
mod rest;
mod sandbox_stats;
mod send;
mod send_callers;
mod used;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::dev::default_folder;
use crate::context::Context;
use crate::dev::{Layout, MODES};
use crate::failure::Failure;
use cluster::Cluster;

const EXAMPLES: &str = "\
All of it runs against `signalbox dev` on this machine, in another terminal, with the same --base-port or --folder. The
load comes from this process: it, the three regions and the sandbox share the machine, and each one's share is reported.

Examples:
  signalbox bench send --max --clients 32
  signalbox bench send --rate 12500 --clients 64            latency at a fixed rate, from the intended start
  signalbox bench send --max --recipients 1 --clients 256
  signalbox bench endpoints --clients 256
  signalbox bench idle --length 30s
  signalbox bench failover --rounds 6

`bench/run` in the repository does all of it, and the same to etcd and NATS.";

/// Measures a development cluster on this machine.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Bench {
    /// The development cluster's base port.
    #[arg(long, value_name = "PORT", global = true, default_value_t = 4100,
          value_parser = clap::value_parser!(u16).range(1_024..=65_000))]
    base_port: u16,
    /// The development cluster's folder, when it isn't the default one.
    #[arg(long, value_name = "FOLDER", global = true)]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Messages accepted and sent in a second, latency of the acceptance, cost of a message
    Send(send::Send),
    /// Endpoints written in a second, and the cost of one
    Endpoints(endpoints::Endpoints),
    /// Memory, processor time and traffic of a cluster that does nothing, and the time from start to ready
    Idle(idle::Idle),
    /// Kill one region after another under load: how long until traffic flows again
    Failover(failover::Failover),
}

impl Bench {
    /// Carries out the command.
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let folder = match self.folder {
            Some(folder) => std::path::absolute(folder)?,
            None => default_folder(|name| std::env::var_os(name).map(PathBuf::from), self.base_port)?,
        };
        let layout = Layout { base_port: self.base_port, folder, mode: MODES[0].to_owned() };
        let cluster = Cluster::find(layout, context.global.timeout).await?;
        match self.what {
            What::Send(send) => send.run(&cluster, context).await,
            What::Endpoints(endpoints) => endpoints.run(&cluster, context).await,
            What::Idle(idle) => idle.run(&cluster, context).await,
            What::Failover(failover) => failover.run(&cluster, context).await,
        }
    }
}
