//! `signalbox-bench all`: one part after another, and a table of what was found with the commands that found it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::run::Run;
use super::table::Table;
use super::{etcd, machine, nats, product};

/// Measures Signalbox and its peers.
#[derive(Debug, Args)]
pub struct All {
    /// The program `signalbox`.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// Where the measured processes keep their data: on the disk that is to be measured. A folder in it is made and
    /// deleted again.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// All ports are counted from here.
    #[arg(long, value_name = "PORT", default_value_t = 24_500)]
    base_port: u16,
    /// For how many seconds each load runs.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// How often a region is killed.
    #[arg(long, value_name = "COUNT", default_value_t = 6)]
    rounds: u64,
    /// How many endpoints are written before memory is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    endpoints: u64,
    /// What to measure; everything if not given. Repeat it.
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Sending messages and writing endpoints.
    Load,
    /// Idle clusters.
    Idle,
    /// The loss of a region.
    Failover,
    /// etcd and NATS.
    Peers,
}

impl All {
    pub async fn run(self) -> anyhow::Result<()> {
        let folder = OwnFolder::make(&self.folder)?;
        let wanted = |part| self.only.is_empty() || self.only.contains(&part);
        let run = Run {
            program: self.program,
            folder: folder.0.clone(),
            base_port: self.base_port,
            length: Duration::from_secs(self.seconds),
            rounds: self.rounds,
            endpoints: self.endpoints,
        };
        println!("{}\n", machine::description(&run.folder)?);
        let mut table = Table::default();
        if wanted(Part::Load) {
            product::load(&run, &mut table).await?;
            product::writes(&run, &mut table).await?;
        }
        if wanted(Part::Peers) {
            etcd::measure(&run, &mut table).await?;
            nats::measure(&run, &mut table).await?;
        }
        if wanted(Part::Idle) {
            product::idle(&run, &mut table).await?;
        }
        if wanted(Part::Failover) {
            product::failover(&run, &mut table).await?;
        }
        println!("{table}");
        println!("{}", table.ratios());
        Ok(())
    }
}

/// A folder of this run's own; deleted when the run ends, however it ends.
struct OwnFolder(PathBuf);

impl OwnFolder {
    fn make(parent: &Path) -> anyhow::Result<OwnFolder> {
        let parent = std::path::absolute(parent).with_context(|| format!("no folder: {}", parent.display()))?;
        let folder = parent.join(format!("signalbox-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        Ok(OwnFolder(folder))
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}
