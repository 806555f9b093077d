//! The life of a node process: open the store, assemble the node, open the listeners; and all of it backwards.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use model::cluster::{NodeInfo, Nodes};
use replication::{BlockingThreads, Housekeeping, TcpTransport};
use tokio_util::sync::CancellationToken;
use traffic::loss::{Freeze, SafetyRules};

use crate::assemble::{NodeParts, NodeSettings, assemble};
use crate::config::{self, Config, Discovery};
use crate::listeners::{self, Opening};
use crate::ports::NodePorts;
use crate::storage::Storage;
use crate::world::{SystemClock, SystemRandom};
use crate::{discovery, observability, panics, sending};

/// Runs a node until `shutdown`, or until it must stop by itself.
///
/// # Errors
/// When the node can't be started, or its own disk or state is at fault; the message names what and the remedy.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    panics::end_the_process_on_panic();
    // Another part of the process may have chosen already; both choose the same.
    rustls::crypto::ring::default_provider().install_default().ok();
    let metrics = observability::init_metrics()?;
    let nodes = nodes(&config).await?;
    let own = nodes
        .get(&config.node)
        .cloned()
        .ok_or_else(|| anyhow!("node.id: node {} is not one of the cluster's nodes", config.node))?;
    let storage = Storage::open(&config, &own).await?;
    let parts = parts(&config, &own, &nodes, &storage).await?;
    let started = assemble(settings(&config, &own, &nodes, &storage), parts).await;
    let mut node = started.context("failed to start the node")?;
    let stop = CancellationToken::new();
    let opening = Opening { config: &config, nodes: &nodes, node: &node, metrics };
    let listening = [listeners::grpc(&opening, stop.clone()).await?, listeners::rest(&opening, stop.clone()).await?];
    let incarnation = storage.incarnation.0;
    tracing::info!(node = own.id.0, region = %own.region, kind = %own.kind, incarnation, "node started");

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

async fn nodes(config: &Config) -> anyhow::Result<Nodes> {
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
        own: own.clone(),
        incarnation: storage.incarnation,
        nodes: nodes.clone(),
        partitions: config.partitions,
        timing: config.timing,
        mode: config.mode,
        bootstrap: !config.join,
        housekeeping: Housekeeping::default(),
        rules: safety_rules(config),
        rates: sending::rates(config),
    }
}

async fn parts(config: &Config, own: &NodeInfo, nodes: &Nodes, storage: &Storage) -> anyhow::Result<NodeParts> {
    let peer = config.listen.peer;
    let transport = TcpTransport::bind(&peer.to_string())
        .await
        .with_context(|| format!("failed to listen on {peer} (listen.peer)"))?;
    Ok(NodeParts {
        log: storage.log.clone(),
        state: storage.state.clone(),
        transport: Arc::new(transport),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        background: Arc::new(BlockingThreads),
        routes: sending::routes(config, own, nodes)?,
        records: sending::records(config, own)?,
        ports: Box::new(NodePorts::of),
    })
}

fn safety_rules(config: &Config) -> SafetyRules {
    let settings = &config.failover;
    SafetyRules {
        serving_min: settings.regions_min as usize,
        automatic_per_hour: settings.changes_per_hour_max as usize,
        frozen: if settings.automatic { Freeze::Nothing } else { Freeze::Everything },
    }
}
