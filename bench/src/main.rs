//! Measures Signalbox and its peers on this machine, one after another, and prints a table of what was found with the
//! commands that found it. `bench/run` builds everything and starts this.

mod children;
mod etcd;
mod machine;
mod nats;
mod nats_client;
mod peer;
mod product;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use crate::table::Table;

/// Measures Signalbox and its peers.
#[derive(Debug, Parser)]
#[command(name = "signalbox-bench", max_term_width = 110)]
struct Arguments {
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

/// What all parts need.
#[derive(Debug)]
pub struct Run {
    /// The program `signalbox`.
    pub program: PathBuf,
    /// A folder of this run's own.
    pub folder: PathBuf,
    /// All ports are counted from here.
    pub base_port: u16,
    /// For how long each load runs.
    pub length: Duration,
    /// How often a region is killed.
    pub rounds: u64,
    /// How many endpoints are written before memory is measured.
    pub endpoints: u64,
}

/// The bytes of a write, at the product and at its peers.
pub const WRITE_BYTES: usize = 256;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = OwnFolder::make(&arguments.folder)?;
    let run = Run {
        program: arguments.program,
        folder: folder.0.clone(),
        base_port: arguments.base_port,
        length: Duration::from_secs(arguments.seconds),
        rounds: arguments.rounds,
        endpoints: arguments.endpoints,
    };
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
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
