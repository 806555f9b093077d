//! `signalbox-sim`: runs the simulation of one seed, or of many, each in a process of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use signalbox_tests::sim::{Break, Layout, Report, Scene, Settings, determinism, run};

/// Simulates a cluster, lets things go wrong as the seed says, heals them, and checks every promise.
#[derive(Debug, Parser)]
#[command(name = "signalbox-sim", after_help = EXAMPLES)]
struct Arguments {
    /// The seed of one run.
    #[arg(long, required_unless_present = "seeds")]
    seed: Option<u64>,
    /// The seeds of many runs, as FROM..TO without TO.
    #[arg(long, value_parser = parse_seeds, conflicts_with_all = ["seed", "trace"])]
    seeds: Option<Range<u64>>,
    /// How many runs of many seeds go at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Writes what happened to this file, a line for each thing.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// What kind of things go wrong, and where.
    #[arg(long, value_enum, default_value_t = Scene::Mixed)]
    scene: Scene,
    /// On which nodes; otherwise the scene says it.
    #[arg(long, value_enum)]
    layout: Option<Layout>,
    /// For how many simulated seconds things go wrong.
    #[arg(long, default_value_t = 25)]
    seconds: u64,
    /// Breaks something on purpose, to see that it is found out: no_sync, twice, no_lease, no_begin, no_fence,
    /// same_incarnation, no_takeover, wall_stamps, same_boot, no_journal, no_note, no_hand_over, stands_asleep, silent_full,
    /// unasked, lingers; or of the lease: fresh_evidence, unnoted_heartbeats, granted_votes, votes_at_start, needs_no_commit, needs_no_takeover,
    /// needs_no_tenure_start, no_tenure_wait, grants_in_transfer.
    #[arg(long = "break", value_name = "NAME")]
    broken: Option<Break>,
}

/// How many things that one check found are printed.
const SHOWN_MAX: usize = 5;

const EXAMPLES: &str = "Examples:
  signalbox-sim --seed 7                        one run; RUST_LOG=debug prints what the nodes log
  signalbox-sim --seed 7 --trace /tmp/7.trace   the same run, with everything that happened
  signalbox-sim --seeds 1000..2000              a thousand runs, two at a time
  signalbox-sim --seed 7 --scene lines --seconds 60  single lines are cut, and nothing else goes wrong";

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match (&arguments.seeds, arguments.seed) {
        (Some(seeds), _) => many(&arguments, seeds.clone()),
        (None, Some(seed)) => one(&arguments, seed),
        (None, None) => anyhow::bail!("--seed or --seeds is needed"),
    }
}

fn one(arguments: &Arguments, seed: u64) -> anyhow::Result<ExitCode> {
    log_if_asked();
    let started = Instant::now();
    let Arguments { scene, layout, seconds, broken, .. } = *arguments;
    let layout = layout.unwrap_or_else(|| scene.layout(seed));
    let report = run(Settings { seed, seconds, scene, layout, broken });
    if let Some(file) = &arguments.trace {
        let trace = report.records.trace().join("\n") + "\n";
        fs::write(file, trace).with_context(|| format!("failed to write {}", file.display()))?;
    }
    let mut out = std::io::stdout().lock();
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    for violation in &report.violations {
        let shown = shown.entry(violation.check).or_default();
        *shown += 1;
        if *shown <= SHOWN_MAX {
            writeln!(out, "VIOLATION {violation}")?;
        }
    }
    writeln!(out, "{} wall={:.1}s", summary(&report), started.elapsed().as_secs_f64())?;
    if report.violations.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "repeat it with: {}", repeat(arguments, seed))?;
    Ok(ExitCode::FAILURE)
}

fn summary(report: &Report) -> String {
    let records = &report.records;
    format!(
        "seed={} trace={:016x} operations={} dispatches={} faults={} simulated={:.1}s violations={}",
        report.settings.seed,
        records.trace_hash(),
        records.operations.len(),
        records.dispatches.len(),
        records.faults.len(),
        report.took.as_secs_f64(),
        report.violations.len()
    )
}

fn repeat(arguments: &Arguments, seed: u64) -> String {
    let broken = arguments.broken.map(|broken| format!(" --break {broken}")).unwrap_or_default();
    let (place, seconds) = (place(arguments).join(" "), arguments.seconds);
    format!("signalbox-sim --seed {seed} {place} --seconds {seconds}{broken} --trace /tmp/{seed}.trace")
}

/// Returns the arguments that name the scene and the layout.
fn place(arguments: &Arguments) -> Vec<String> {
    fn named<T: clap::ValueEnum>(argument: &str, value: &T) -> Vec<String> {
        let value = value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        vec![argument.to_owned(), value]
    }
    let layout = arguments.layout.iter().flat_map(|layout| named("--layout", layout));
    named("--scene", &arguments.scene).into_iter().chain(layout).collect()
}

/// Runs many seeds, each in a process of its own, and prints those that fail.
fn many(arguments: &Arguments, seeds: Range<u64>) -> anyhow::Result<ExitCode> {
    let program = std::env::current_exe().context("failed to find this program")?;
    let next = AtomicU64::new(seeds.start);
    let failed = AtomicUsize::new(0);
    let work = || -> anyhow::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if !seeds.contains(&seed) {
                return Ok(());
            }
            let mut command = Command::new(&program);
            command.args(["--seed", &seed.to_string(), "--seconds", &arguments.seconds.to_string()]);
            command.args(place(arguments));
            if let Some(broken) = arguments.broken {
                command.args(["--break", &broken.to_string()]);
            }
            let output = command.stderr(Stdio::null()).output().context("failed to start a run")?;
            let text = String::from_utf8_lossy(&output.stdout);
            if !output.status.success() {
                failed.fetch_add(1, Ordering::SeqCst);
            }
            // Whole lines at once, so that runs don't mix.
            std::io::stdout().lock().write_all(text.as_bytes())?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a worker panicked"))))
    })?;
    let failed = failed.into_inner();
    println!("{} seeds, {failed} failed", seeds.end.saturating_sub(seeds.start));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("seeds are written as FROM..TO")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    Ok(number(from)?..number(to)?)
}

/// Shows simulated time in what nodes log.
struct SimulatedTime;

impl tracing_subscriber::fmt::time::FormatTime for SimulatedTime {
    fn format_time(&self, writer: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        write!(writer, "{:>7}", determinism::elapsed_ns() / 1_000_000)
    }
}

fn log_if_asked() {
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_timer(SimulatedTime)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .init();
    }
}
