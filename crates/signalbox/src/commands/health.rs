//! `signalbox health`: what the detector makes of what was counted.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use monitor::{Replay, TraceHeader};
use traffic::health::HealthSettings;
use wire::v1;

use crate::context::Context;
use crate::failure::Failure;
use crate::views::{HealthView, ReplayView};

const EXAMPLES: &str = "\
Examples:
  signalbox health status
  signalbox health replay incident.json";

const STATUS_EXAMPLES: &str = "\
Every node judges the same counts; the one that leads group 0 acts. SHARE is what health lets the region have of its
traffic, SCORE how ill it looks: traffic moves at the threshold, if the other regions are better.

Examples:
  signalbox health status
  signalbox health status --output json | jq '.channels[] | select(.share_per_mille < 1000)'";

const REPLAY_EXAMPLES: &str = "\
FILE.json says what the regions, carriers and customers are called and what is normal; FILE.csv beside it has the counts
of each second. Nothing is sent or changed, and no cluster is asked.

Examples:
  signalbox health replay incident.json
  signalbox health replay incident.json --threshold 12    if more certainty were needed
  signalbox health replay incident.json --output json     a list for programs";

/// Tells how well channels are sent from each region, and what the detector makes of what was counted.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Health {
    #[command(subcommand)]
    command: HealthCommand,
}

#[derive(Debug, Subcommand)]
enum HealthCommand {
    /// Show how well each channel is sent from each region, and what was found lately
    #[command(after_help = STATUS_EXAMPLES)]
    Status,
    /// Print what the detector would have decided on a recorded trace
    Replay(ReplayTrace),
}

#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
struct ReplayTrace {
    /// The header of the trace; its table is beside it, with the ending .csv.
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
    /// The score at which a region counts as ill, from 4 to 100 nats.
    #[arg(long, value_name = "NATS", default_value_t = HealthSettings::default().threshold)]
    threshold: f64,
    /// For how many seconds traffic stays away at least after a first shift, up to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = HealthSettings::default().hold)]
    hold: u64,
}

impl Health {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.command {
            HealthCommand::Status => {
                let connection = context.connect().await?;
                let response = connection.answer(connection.traffic().health(v1::HealthRequest {})).await?;
                context.console.show(&HealthView::from(response))
            }
            HealthCommand::Replay(replay) => replay.run(context),
        }
    }
}

impl ReplayTrace {
    fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let settings = HealthSettings { threshold: self.threshold, hold: self.hold, ..HealthSettings::default() };
        settings.check().map_err(|error| Failure::Usage(error.to_string()))?;
        let header = TraceHeader::read(&self.file).map_err(anyhow::Error::from)?;
        let mut replay = Replay::open(&self.file, &header, settings).map_err(anyhow::Error::from)?;
        let mut decisions = Vec::new();
        while let Some(made) = replay.step().map_err(anyhow::Error::from)? {
            decisions.extend(made);
        }
        context.console.show(&ReplayView::new(header.name.clone(), header.ticks, decisions))
    }
}
