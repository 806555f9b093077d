//! A run from its beginning to its history: the world is made, the cluster starts, load and faults go on beside each
//! other, everything settles, and what became of it is asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use wire::v1;

use crate::caller::{Caller, RestClient};
use crate::flight;
use crate::history::{FaultKind, Line, Micros, Over, Setting};
use crate::inject::Injection;
use crate::load;
use crate::recorder::{Recorder, Tally};
use crate::schedule::{Drawing, draw};
use crate::until::Until;
use crate::upgrade;
use crate::watch;
use crate::world::{Cluster, ClusterOptions, Network, Relay, ShimLibrary};

/// The regions, by place; with a witness, the third is it.
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];
const PARTITIONS: u16 = 4;
/// From the outside to any region.
const OUTSIDE_DELAY: Duration = Duration::from_millis(1);
/// How long a call may take before its client gives up.
const CALL_MAX: Duration = Duration::from_secs(5);
/// How long new apps may take to be seen at every listener.
const SEEN_MAX: Duration = Duration::from_secs(10);
/// How long a dispatch may be on its way beside the delay of its line: threads of a busy machine wait for their turn.
const FLIGHT_ALLOWANCE: Duration = Duration::from_millis(500);
/// How often it is said how far the run got.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// What a run is made with.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct RunOptions {
    /// What was typed to make it.
    pub command: String,
    pub seed: u64,
    /// How long faults and load go on.
    pub length: Duration,
    pub faults: Vec<FaultKind>,
    /// The faults that were asked for and can't be injected here, and why.
    pub skipped: BTreeMap<String, String>,
    /// What clocks are set and syncs delayed with, if they are to be.
    pub shim: Option<ShimLibrary>,
    /// `active_active` or `warm_standby`.
    pub mode: &'static str,
    pub witness: bool,
    /// Between two regions.
    pub round_trip: Duration,
    /// The program `signalbox`.
    pub program: PathBuf,
    /// A former build of it that all nodes begin as: the run is a rolling upgrade.
    pub former: Option<PathBuf>,
    /// An empty folder for everything that is written.
    pub out: PathBuf,
}

/// Makes a run, and returns the file with its history.
///
/// # Errors
/// When the world can't be made, the cluster doesn't start, a node doesn't come back after a fault, or it is
/// interrupted.
pub fn run(options: &RunOptions) -> anyhow::Result<PathBuf> {
    let network = Network::make(REGIONS.len())?;
    let one_way = options.round_trip / 2;
    let outside = REGIONS.len();
    let delay = move |from, to| if from == outside || to == outside { OUTSIDE_DELAY } else { one_way };
    let relay = Relay::start(network.devices()?, delay);
    // Before there are other threads: each is where the one that started it was.
    network.enter_outside()?;
    let runtime = tokio::runtime::Runtime::new().context("failed to start the runtime")?;
    runtime.block_on(async {
        tokio::select! {
            history = under_way(network, relay, options) => history,
            // What was made is removed on the way out.
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted; what was seen so far is in {}", options.out.display()),
        }
    })
}

async fn under_way(network: Network, relay: Relay, options: &RunOptions) -> anyhow::Result<PathBuf> {
    let witness = options.witness.then_some(REGIONS.len() - 1);
    let cluster_options = ClusterOptions {
        program: options.former.as_ref().unwrap_or(&options.program).clone(),
        folder: options.out.clone(),
        regions: REGIONS.to_vec(),
        witness,
        mode: options.mode,
        partitions: PARTITIONS,
        disks: options.faults.iter().any(|kind| matches!(kind, FaultKind::PowerCut | FaultKind::FullDisk)),
        shim: options.shim.clone(),
        round_trip: options.round_trip,
        seed: options.seed,
    };
    let mut cluster = Cluster::start(network, relay, cluster_options).await?;
    let recorder = Arc::new(Recorder::create(&options.out.join("history.jsonl"))?);
    let flight = OUTSIDE_DELAY + FLIGHT_ALLOWANCE;
    recorder.record(Line::Setting(Setting {
        seed: options.seed,
        command: options.command.clone(),
        regions: REGIONS.iter().map(|region| (*region).to_owned()).collect(),
        witness,
        round_trip_ms: u64::try_from(options.round_trip.as_millis()).unwrap_or(u64::MAX),
        flight_max_us: Micros::try_from(flight.as_micros()).unwrap_or(Micros::MAX),
        length_us: Micros::try_from(options.length.as_micros()).unwrap_or(Micros::MAX),
        skipped: options.skipped.clone(),
    }));
    let flights = tokio::spawn(flight::take(cluster.measure_flights().await?, Arc::clone(&recorder)));
    let callers = callers(&cluster, &recorder).await?;
    let outcome = try_out(&mut cluster, &recorder, &callers, options).await;
    flights.abort();
    cluster.stop().await?;
    outcome?;
    Ok(recorder.flush()?.to_owned())
}

async fn try_out(
    cluster: &mut Cluster,
    recorder: &Arc<Recorder>,
    callers: &[Caller],
    options: &RunOptions,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let until = Until::new(began + options.length);
    let told = move |line: String| eprintln!("{:6.1} s  {line}", began.elapsed().as_secs_f64());
    let witness = if options.witness { "with a witness" } else { "without a witness" };
    told(format!("load begins; {}, {witness}; it goes on for {:?}", options.mode, options.length));
    let load = tokio::spawn(load::run(callers.to_vec(), options.seed, until.clone()));
    let mut watching = JoinSet::new();
    for caller in callers {
        watching.spawn(watch::plans(caller.clone(), REGIONS.to_vec(), until.clone()));
        let url = cluster.readyz(caller.listener);
        watching.spawn(watch::readiness(caller.listener, url, Arc::clone(recorder), until.clone()));
    }
    let progress = tokio::spawn(progress(Arc::clone(recorder), began));
    let mut injection = Injection { cluster: &mut *cluster, recorder, began, say: &told };
    let carried_out = inject(&mut injection, options, &until).await;
    if carried_out.is_err() {
        load.abort();
    } else {
        load.await.context("the load failed")?;
        told("load and faults are over; waiting for what is under way".to_owned());
    }
    watching.abort_all();
    progress.abort();
    carried_out?;
    watch::at_the_end(cluster, callers).await
}

/// Carries out what is to go wrong: the upgrade, or faults one after the other.
async fn inject(injection: &mut Injection<'_>, options: &RunOptions, until: &Until) -> anyhow::Result<()> {
    let (seed, kinds, regions) = (options.seed, &options.faults, REGIONS.len());
    let Some(former) = &options.former else {
        let schedule = draw(Drawing { seed, kinds, regions, length: options.length });
        (injection.say)(format!("{} faults are planned", schedule.len()));
        return injection.carry_out(&schedule).await;
    };
    let steps = upgrade::draw(seed, kinds, regions);
    (injection.say)(format!("an upgrade of {} steps is planned", steps.len()));
    injection.upgrade(&steps, upgrade::Programs { former, newer: &options.program }).await?;
    // Judged is what comes after the last step, too.
    tokio::time::sleep(upgrade::BETWEEN).await;
    anyhow::ensure!(!until.is_over(), "the upgrade took longer than the run: give it more minutes");
    until.end();
    injection.recorder.record(Line::Over(Over { at_us: injection.recorder.now() }));
    Ok(())
}

/// Makes an app with SMS, and a client at each listener that sees it.
async fn callers(cluster: &Cluster, recorder: &Arc<Recorder>) -> anyhow::Result<Vec<Caller>> {
    let first = cluster.listeners().next().context("no listener")?;
    let connection = cluster.connect(first, CALL_MAX).await?;
    let request = v1::CreateAppRequest { name: "chaos".to_owned(), ..Default::default() };
    let app = connection.apps().create(request).await?.into_inner().app.context("no app")?.app_id;
    let detail = v1::put_channel_request::Detail::Sms(v1::SmsChannel::default());
    let request =
        v1::PutChannelRequest { app_id: app.clone(), enabled: Some(true), detail: Some(detail), ..Default::default() };
    connection.apps().put_channel(request).await?;
    let mut callers = Vec::new();
    for listener in cluster.listeners() {
        let connection = cluster.connect(listener, CALL_MAX).await?;
        let began = Instant::now();
        loop {
            let request = v1::GetChannelRequest { app_id: app.clone(), channel: v1::Channel::Sms as i32 };
            match connection.apps().get_channel(request).await {
                Ok(_) => break,
                Err(status) if began.elapsed() > SEEN_MAX => return Err(status).context("the app isn't seen"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        let rest = RestClient::new(cluster.rest(listener), REGIONS[listener], CALL_MAX)?;
        let (connection, rest, app) = (Arc::new(connection), Arc::new(rest), app.as_str().into());
        callers.push(Caller { listener, connection, rest, app, recorder: Arc::clone(recorder) });
    }
    Ok(callers)
}

/// Says every few seconds how far the run got.
async fn progress(recorder: Arc<Recorder>, began: Instant) {
    let mut ticks = interval(SAY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Tally { sends, accepted, unknown } = recorder.tally();
        eprintln!(
            "{:6.1} s  {sends} sends answered, {accepted} accepted, {unknown} with an unknown outcome",
            began.elapsed().as_secs_f64()
        );
    }
}
