//! The life of a node process: open the store, assemble the node, open the listeners; and all of it backwards.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use api::KeyStore;
use metrics_exporter_prometheus::PrometheusHandle;
use model::cluster::{NodeInfo, Nodes};
use replication::{BlockingThreads, Housekeeping, LeadershipRules, TcpTransport};
use tokio_util::sync::CancellationToken;
use traffic::cluster_time::TimeRules;
use traffic::loss::{FailbackRules, Freeze, SafetyRules};

use crate::assemble::{NodeParts, NodeSettings, assemble};
use crate::begun_file::BegunFile;
use crate::config::{self, Config, Discovery};
use crate::files::OpenFiles;
use crate::listeners::{self, Opening};
use crate::ports::NodePorts;
use crate::reload::{ReadConfig, Reload};
use crate::running::Outdated;
use crate::storage::Storage;
use crate::tls::{ListenTls, PeerTls};
use crate::world::{SystemClock, SystemRandom};
use crate::{discovery, identity, observability, panics, sending};

/// Runs a node until `shutdown`, or until it must stop by itself. `again` reads the configuration anew, for what can
/// change while the node runs: keys and certificates.
///
/// # Errors
/// When the node can't be started, or its own disk or state is at fault; the message names what and the remedy.
pub async fn serve(config: Config, again: ReadConfig, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    panics::end_the_process_on_panic();
    // Another part of the process may have chosen already; both choose the same.
    rustls::crypto::ring::default_provider().install_default().ok();
    let metrics = observability::init_metrics()?;
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let Err(fault) = run(&config, again.clone(), metrics.clone(), shutdown.as_mut()).await else { return Ok(()) };
        let Some(Outdated(known)) = fault.downcast_ref() else { return Err(fault) };
        tracing::info!(%known, "the data folder is younger than the node; starting again as the next incarnation");
        identity::raise(&config.data, *known)?;
    }
}

/// Runs a node once, from its databases to its listeners and back.
async fn run(
    config: &Config,
    again: ReadConfig,
    metrics: PrometheusHandle,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let nodes = cluster_nodes(config).await?;
    let own = nodes
        .get(&config.node)
        .cloned()
        .ok_or_else(|| anyhow!("node.id: node {} is not one of the cluster's nodes", config.node))?;
    let keys = Arc::new(KeyStore::new(listeners::keys(config)).context("keys")?);
    let peer_tls = config.peer_tls.clone().map(|files| PeerTls::load(files, config.cluster, &own));
    let peer_tls = peer_tls.transpose().context("tls.peer")?.map(Arc::new);
    let listen_tls = config.listen_tls.clone().map(ListenTls::load);
    let listen_tls = listen_tls.transpose().context("tls.listen")?.map(Arc::new);
    let files = OpenFiles::take()?;
    let storage = Storage::open(config, &own, files.store).await?;
    let transport = transport(config, peer_tls.clone()).await?;
    let parts = parts(config, &own, &nodes, &storage, transport)?;
    let started = assemble(settings(config, &own, &nodes, &storage), parts).await;
    let mut node = started.context("failed to start the node")?;
    let stop = CancellationToken::new();
    let (keys, tls) = (keys.clone(), listen_tls.clone());
    let reload = Reload { config: again, keys: keys.clone(), peer: peer_tls, listen: listen_tls };
    node.tasks.essential("reload of keys and certificates", reload.run());
    let quotas = Arc::new(listeners::quotas(config, &keys));
    let opening = Opening { config, nodes: &nodes, node: &node, keys, quotas, files, metrics, tls };
    let listening = [listeners::grpc(&opening, stop.clone()).await?, listeners::rest(&opening, stop.clone()).await?];
    let incarnation = storage.incarnation.0;
    let OpenFiles { limit: open_files, .. } = files;
    tracing::info!(node = own.id.0, region = %own.region, kind = %own.kind, incarnation, open_files, "node started");

    let fault = tokio::select! {
        () = shutdown => None,
        fault = node.fault() => Some(fault),
    };
    tracing::info!("node stopping");
    if fault.is_none() {
        node.leave().await;
    }
    stop.cancel();
    for listener in listening {
        listener.await.context("a listener panicked")?;
    }
    node.stop().await;
    storage.close()?;
    fault.map_or(Ok(()), Err)
}

/// Finds the nodes of the cluster, where the configuration says.
///
/// # Errors
/// When DNS doesn't answer, or doesn't list a cluster with this node.
pub async fn cluster_nodes(config: &Config) -> anyhow::Result<Nodes> {
    match &config.discovery {
        Discovery::Listed(nodes) => Ok(nodes.clone()),
        Discovery::Service(name) => found(config, discovery::discover(name).await),
        Discovery::ServiceAt(name, server) => found(config, discovery::discover_at(name, *server).await),
    }
}

/// Checks what DNS says as the configuration is checked.
fn found(config: &Config, nodes: Result<Nodes, discovery::DiscoveryError>) -> anyhow::Result<Nodes> {
    let nodes = nodes.context("cluster.discover")?;
    config::check_nodes("cluster.discover", config.node, &nodes)?;
    Ok(nodes)
}

fn settings(config: &Config, own: &NodeInfo, nodes: &Nodes, storage: &Storage) -> NodeSettings {
    NodeSettings {
        cluster: config.cluster,
        own: own.clone(),
        incarnation: storage.incarnation,
        nodes: nodes.clone(),
        partitions: config.partitions,
        timing: config.timing,
        mode: config.mode,
        bootstrap: !config.join,
        housekeeping: Housekeeping::default(),
        time: TimeRules::default(),
        leadership: LeadershipRules::default(),
        queue_bytes: replication::QUEUE_BYTES_MAX,
        build: crate::build(),
        lease_break: None,
        rules: safety_rules(config),
        health: config.health.clone(),
        rates: sending::rates(config),
    }
}

async fn transport(config: &Config, tls: Option<Arc<PeerTls>>) -> anyhow::Result<TcpTransport> {
    let peer = config.listen.peer.to_string();
    let bound = match tls {
        Some(tls) => TcpTransport::tls(&peer, config.cluster, tls).await,
        None => TcpTransport::plain(&peer).await,
    };
    bound.with_context(|| format!("failed to listen on {peer} (listen.peer)"))
}

fn parts(
    config: &Config,
    own: &NodeInfo,
    nodes: &Nodes,
    storage: &Storage,
    transport: TcpTransport,
) -> anyhow::Result<NodeParts> {
    Ok(NodeParts {
        log: storage.log.clone(),
        state: storage.state.clone(),
        transport: Arc::new(transport),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        background: Arc::new(BlockingThreads),
        routes: sending::routes(config, own, nodes)?,
        records: sending::records(config, own)?,
        journal: Arc::new(BegunFile::new(&config.data)),
        ports: Box::new(NodePorts::of),
    })
}

fn safety_rules(config: &Config) -> SafetyRules {
    let settings = &config.failover;
    SafetyRules {
        serving_min: settings.regions_min as usize,
        returns_per_hour: settings.changes_per_hour_max as usize,
        frozen: if settings.automatic { Freeze::Nothing } else { Freeze::Everything },
        failback: (settings.failback == "automatic").then(|| FailbackRules {
            after: Duration::from_secs(settings.failback_after_s),
            step: Duration::from_secs(settings.failback_step_s),
        }),
    }
}
