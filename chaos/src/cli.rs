//! The commands of `chaos`, and what they answer: 0 when all checks passed, 1 when one found something or could not
//! look at everything or the run itself failed, 77 when nothing could be tried here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::faults::{FaultName, Possible};
use crate::flight;
use crate::judge::judge;
use crate::run::{RunOptions, run};
use crate::world::missing;

/// What a run answers that could not be made on this machine: it is skipped, not passed.
const SKIPPED: u8 = 77;

const EXAMPLES: &str = "\
Examples:
  Five minutes, in which every fault comes once, and a page that says what came of it:
    chaos run --seed 1 --minutes 5

  Only lost regions, with a standby; the page tells how fast each was replaced:
    chaos run --seed 7 --minutes 12 --faults kill --mode warm_standby

  A rolling upgrade from a former build and back, and what the version's raising does:
    chaos run --former target/former/signalbox --faults kill,isolation --minutes 5

  The same checks again, over what was taken down in an earlier run:
    chaos judge chaos-1/history.jsonl

It needs root and /dev/net/tun: the regions are network namespaces of their own. The machine's network isn't touched.";

/// Takes regions of a real cluster away, and judges what its callers and its provider saw.
#[derive(Debug, Parser)]
#[command(name = "chaos", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a cluster in network namespaces, injects faults under load, and judges what was seen
    Run(Run),
    /// Sends what the clock shows to the harness; started by it in each region
    #[command(hide = true)]
    Flight {
        /// Where the harness listens
        to: SocketAddr,
    },
    /// Judges the history of an earlier run again
    Judge {
        /// The history of a run
        history: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// What faults and load are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long faults and load go on; of an upgrade, at most
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// The faults that may come; each comes once before any comes again
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = FaultName::value_variants().to_vec())]
    faults: Vec<FaultName>,
    /// How traffic is shared
    #[arg(long, value_enum, default_value_t = ModeName::ActiveActive, conflicts_with = "drawn_cluster")]
    mode: ModeName,
    /// The third region is a witness: it votes, takes no requests and sends nothing
    #[arg(long, conflicts_with = "drawn_cluster")]
    witness: bool,
    /// Mode and witness follow from the seed: four seeds in a row have each of both with each of the other
    #[arg(long)]
    drawn_cluster: bool,
    /// Round trip between two regions, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 80, value_parser = clap::value_parser!(u64).range(2..=500))]
    round_trip: u64,
    /// The program that is tried [default: `signalbox` beside this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// A former build of the program: all nodes begin as it, and are upgraded, put back and upgraded again
    #[arg(long, value_name = "FILE")]
    former: Option<PathBuf>,
    /// Folder for history, page, logs and data; must not exist [default: chaos-SEED]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ModeName {
    /// Every region sends its share
    ActiveActive,
    /// One region sends, another stands by
    WarmStandby,
}

impl Cli {
    /// Carries out the command.
    ///
    /// # Errors
    /// When a run could not be made or a file can't be read or written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        // Others may have chosen one before: any will do, the nodes are spoken to in plain text.
        rustls::crypto::ring::default_provider().install_default().ok();
        match self.command {
            Command::Run(options) => options.run(),
            Command::Flight { to } => flight::send(to).map(|()| ExitCode::SUCCESS),
            Command::Judge { history } => judge(&history),
        }
    }
}

impl Run {
    fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(missing) = missing() {
            eprintln!("chaos: skipped, nothing was tried: {missing}");
            return Ok(ExitCode::from(SKIPPED));
        }
        let program = match self.program {
            Some(program) => program,
            None => {
                std::env::current_exe().context("failed to find this program's own file")?.with_file_name("signalbox")
            }
        };
        let program = program.canonicalize().with_context(|| format!("there is no {}", program.display()))?;
        let former = self
            .former
            .map(|former| former.canonicalize().with_context(|| format!("there is no {}", former.display())));
        let former = former.transpose()?;
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("chaos-{}", self.seed)));
        if out.exists() {
            bail!("{} exists already; name another folder with --out, or remove it", out.display());
        }
        std::fs::create_dir_all(&out).with_context(|| format!("failed to make {}", out.display()))?;
        let out = out.canonicalize().context("failed to find the folder")?;
        let possible = Possible::of(&self.faults, &out);
        let (mode, witness) = if self.drawn_cluster { drawn(self.seed) } else { (self.mode, self.witness) };
        let words = std::env::args().skip(1).collect::<Vec<String>>();
        let options = RunOptions {
            command: format!("scripts/chaos {}", words.join(" ")),
            seed: self.seed,
            length: Duration::from_secs(60 * self.minutes),
            faults: possible.faults,
            skipped: possible.skipped,
            shim: possible.shim,
            mode: match mode {
                ModeName::ActiveActive => "active_active",
                ModeName::WarmStandby => "warm_standby",
            },
            witness,
            round_trip: Duration::from_millis(self.round_trip),
            program,
            former,
            out: out.clone(),
        };
        judge(&run(&options)?)
    }
}

/// Returns the mode of a seed, and whether it has a witness.
fn drawn(seed: u64) -> (ModeName, bool) {
    let mode = if (seed / 2).is_multiple_of(2) { ModeName::ActiveActive } else { ModeName::WarmStandby };
    (mode, seed % 2 == 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn four_seeds_in_a_row_have_every_cluster() {
        for first in 0..8 {
            let drawn: BTreeSet<(bool, bool)> =
                (first..first + 4).map(drawn).map(|(mode, witness)| (mode == ModeName::WarmStandby, witness)).collect();
            assert_eq!(drawn.len(), 4, "from {first}");
        }
    }
}
