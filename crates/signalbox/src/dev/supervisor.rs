//! The supervisor: starts the regions and the sandbox, takes orders, and stops everything when it is told to.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use model::id::{ClusterId, NodeId, RegionId};
use sandbox::SandboxConfig;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use super::control::{Order, answer, read_order};
use super::layout::{CALLBACK_SECRET, Layout, REGIONS};
use super::print;
use super::region::Region;
use crate::certs::{Authority, CertsError, NodeName};

/// How long the regions may take until they are ready; a first start makes the databases and elects leaders.
const READY_MAX: Duration = Duration::from_secs(60);

/// How often a region is asked whether it is ready.
const READY_LOOK: Duration = Duration::from_millis(100);

/// For how many days the authority's and the regions' certificates are valid.
const AUTHORITY_DAYS: u32 = 3_650;
const NODE_DAYS: u32 = 365;

/// The seed of the sandbox's faults, so that a session repeats.
const SANDBOX_SEED: u64 = 1;

/// Runs a development cluster until it is interrupted.
///
/// # Errors
/// When a port is taken, a file can't be written, or a region doesn't become ready.
pub async fn run(layout: Layout) -> anyhow::Result<()> {
    std::fs::create_dir_all(&layout.folder).with_context(|| format!("failed to make {}", layout.folder.display()))?;
    let orders = listen(&layout).await?;
    let cluster = certificates(&layout)?;
    let (stop_sandbox, sandbox_stops) = oneshot::channel::<()>();
    let sandbox = sandbox::bind(sandbox_config(&layout)?).await.context("failed to start the sandbox")?;
    let sandbox = tokio::spawn(sandbox.serve(async move {
        sandbox_stops.await.ok();
    }));
    let started = Instant::now();
    let mut regions: Vec<Region> = (0..REGIONS.len()).map(|index| Region::new(index, cluster)).collect();
    for region in &mut regions {
        region.start(&layout)?;
    }
    print::starting(&layout);
    let outcome = match ready(&layout, &mut regions, started).await {
        Ok(()) => {
            print::ready(&layout, started.elapsed());
            serve(&layout, &mut regions, &orders).await
        }
        Err(error) => Err(error),
    };
    print::stopping();
    for region in &mut regions {
        region.stop().await?;
    }
    stop_sandbox.send(()).ok();
    sandbox.await.context("the sandbox panicked")?.context("the sandbox failed")?;
    std::fs::remove_file(layout.socket()).ok();
    outcome
}

/// Issues the regions' certificates anew; makes the authority, and with it the cluster's id, when there is none.
fn certificates(layout: &Layout) -> anyhow::Result<ClusterId> {
    let folder = layout.tls();
    let authority = match Authority::open(&folder) {
        Err(CertsError::Missing { .. }) => {
            Authority::init(&folder, ClusterId(node::world::random_id()), AUTHORITY_DAYS)?
        }
        opened => opened?,
    };
    for (index, region) in REGIONS.iter().enumerate() {
        let region = RegionId::new(region).context("a region's name")?;
        authority.issue(&NodeName { node: NodeId(index as u64 + 1), region, hosts: Vec::new() }, NODE_DAYS)?;
    }
    Ok(authority.cluster())
}

fn sandbox_config(layout: &Layout) -> anyhow::Result<SandboxConfig> {
    Ok(SandboxConfig {
        listen: layout.sandbox().parse().context("failed to read the sandbox's address")?,
        callbacks: (0..REGIONS.len()).map(|region| format!("http://{}", layout.rest(region))).collect(),
        secret: CALLBACK_SECRET.to_owned(),
        seed: SANDBOX_SEED,
        ..SandboxConfig::default()
    })
}

async fn listen(layout: &Layout) -> anyhow::Result<UnixListener> {
    let socket = layout.socket();
    if UnixStream::connect(&socket).await.is_ok() {
        bail!(
            "a development cluster already runs in {}; stop it, or use another --folder and --base-port",
            layout.folder.display()
        );
    }
    std::fs::remove_file(&socket).ok();
    UnixListener::bind(&socket).with_context(|| format!("failed to listen on {}", socket.display()))
}

/// Waits until every region is ready.
async fn ready(layout: &Layout, regions: &mut [Region], started: Instant) -> anyhow::Result<()> {
    let client =
        reqwest::Client::builder().timeout(READY_LOOK * 10).build().context("failed to make an HTTP client")?;
    for (index, region) in regions.iter_mut().enumerate() {
        let url = format!("http://{}/readyz", layout.rest(index));
        loop {
            if client.get(&url).send().await.is_ok_and(|response| response.status().is_success()) {
                break;
            }
            if !region.running() {
                bail!("{} stopped while starting; see {}", region.name(), layout.log(index).display());
            }
            if started.elapsed() > READY_MAX {
                bail!("{} was not ready after {READY_MAX:?}; see {}", region.name(), layout.log(index).display());
            }
            tokio::time::sleep(READY_LOOK).await;
        }
    }
    Ok(())
}

/// Takes orders until interrupted.
async fn serve(layout: &Layout, regions: &mut [Region], orders: &UnixListener) -> anyhow::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("failed to listen for signals")?;
    loop {
        let ended = futures_ended(regions);
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            _ = terminated.recv() => return Ok(()),
            (index, status) = ended => print::ended(layout, index, &status),
            accepted = orders.accept() => {
                let (mut stream, _) = accepted.context("failed to take an order")?;
                let done = match read_order(&mut stream).await {
                    Ok(order) => carry_out(layout, regions, &order).await,
                    Err(error) => Err(error),
                };
                answer(&mut stream, done).await.ok();
            }
        }
    }
}

/// Waits until any running region ends by itself.
async fn futures_ended(regions: &mut [Region]) -> (usize, String) {
    let [first, second, third] = regions else { return std::future::pending().await };
    tokio::select! {
        status = first.ended() => (0, status),
        status = second.ended() => (1, status),
        status = third.ended() => (2, status),
    }
}

async fn carry_out(layout: &Layout, regions: &mut [Region], order: &Order) -> anyhow::Result<String> {
    let find = |name: &str| {
        layout.region(name).with_context(|| format!("no region is named {name:?}; there are {}", REGIONS.join(", ")))
    };
    match order {
        Order::Kill(name) => {
            let index = find(name)?;
            if !regions[index].running() {
                bail!("{name} doesn't run");
            }
            regions[index].kill().await?;
            print::killed(index);
            Ok(format!("{name} was killed; sending goes on in the other regions"))
        }
        Order::Stop(name) => {
            let index = find(name)?;
            regions[index].stop().await?;
            Ok(format!("{name} stopped"))
        }
        Order::Start(name) => {
            let index = find(name)?;
            regions[index].start(layout)?;
            print::started(index);
            Ok(format!(
                "{name} starts; after a stop it gets its share back automatically, after a kill with \
                 `signalbox traffic restore {name} --reason ...`"
            ))
        }
        Order::Status => {
            let mut lines = Vec::new();
            for region in regions.iter_mut() {
                let state = if region.running() { "runs" } else { "doesn't run" };
                let pid = region.pid().map(|pid| format!(" (process {pid})")).unwrap_or_default();
                lines.push(format!("{} {state}{pid}", region.name()));
            }
            Ok(lines.join(", "))
        }
    }
}
