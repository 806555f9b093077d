//! Opening a node's listeners: REST in serving regions, gRPC everywhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use api::grpc::{GrpcApi, GrpcApiParts, GrpcLimits};
use api::rest::{Limits, Readiness, RestApi, RestApiParts};
use api::{Key, KeyStore, QuotaLimits, Quotas, Rate};
use metrics_exporter_prometheus::PrometheusHandle;
use model::cluster::{Nodes, RegionKind};
use policy::{Grant, Principal};
use sender::callbacks::{Callbacks, CallbacksConfig};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::files::OpenFiles;
use crate::running::RunningNode;
use crate::tls::ListenTls;

/// What listeners are opened with.
pub struct Opening<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The nodes of the cluster.
    pub nodes: &'a Nodes,
    /// The node that they serve.
    pub node: &'a RunningNode,
    /// The keys that they accept, and what each may use of this node.
    pub keys: Arc<KeyStore>,
    pub quotas: Arc<Quotas>,
    /// How many connections they may have.
    pub files: OpenFiles,
    pub metrics: PrometheusHandle,
    /// The listeners' certificate, if they speak TLS.
    pub tls: Option<Arc<ListenTls>>,
}

/// Opens the REST listener and serves it until `stop`. A witness takes no requests and no callbacks, so that its
/// listener knows no keys: it has health and metrics alone.
///
/// # Errors
/// When the address can't be bound.
pub async fn rest(opening: &Opening<'_>, stop: CancellationToken) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let listener = bind("listen.rest", opening.config.listen.rest).await?;
    let metrics = opening.metrics.clone();
    let serving = opening.nodes.get(&opening.config.node).is_some_and(|own| own.kind == RegionKind::Serving);
    let callbacks = CallbacksConfig {
        partitions: opening.config.partitions,
        // A witness sends nothing, so that no provider has anything to tell it.
        sandbox: if serving { opening.config.providers.sandbox_secrets.clone() } else { Vec::new() },
    };
    let api = RestApi::new(RestApiParts {
        service: opening.node.service.clone(),
        keys: if serving { Arc::clone(&opening.keys) } else { Arc::default() },
        quotas: Arc::clone(&opening.quotas),
        regions: serving_regions(opening.nodes),
        account: opening.config.account.clone(),
        provider_events: Arc::new(Callbacks::new(callbacks)),
        readiness: readiness(opening.node),
        metrics: Arc::new(move || metrics.render()),
        tls: opening.tls.as_ref().map(|tls| tls.server(b"http/1.1")),
        limits: Limits { connections: opening.files.rest, ..Limits::default() },
    });
    Ok(tokio::spawn(api::rest::serve(listener, Arc::new(api), stop)))
}

/// Opens the gRPC listener and serves it until `stop`.
///
/// # Errors
/// When the address can't be bound.
pub async fn grpc(opening: &Opening<'_>, stop: CancellationToken) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let listener = bind("listen.grpc", opening.config.listen.grpc).await?;
    let api = GrpcApi::new(GrpcApiParts {
        service: opening.node.service.clone(),
        keys: Arc::clone(&opening.keys),
        quotas: Arc::clone(&opening.quotas),
        cluster: Arc::new(opening.node.replication.clone()),
        alarms: opening.node.alarms.clone(),
        health: opening.node.health.clone(),
        readiness: readiness(opening.node),
        tls: opening.tls.as_ref().map(|tls| tls.server(b"h2")),
        limits: GrpcLimits { connections: opening.files.grpc, ..GrpcLimits::default() },
    });
    Ok(tokio::spawn(async move {
        if let Err(error) = api::grpc::serve(listener, Arc::new(api), stop).await {
            tracing::error!(%error, "gRPC listener failed");
        }
    }))
}

fn readiness(node: &RunningNode) -> Readiness {
    let readiness = node.readiness.clone();
    Arc::new(move || readiness.ready())
}

async fn bind(key: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address} ({key})"))
}

/// Builds the quotas of the keys.
pub fn quotas(config: &Config, keys: &KeyStore) -> Quotas {
    let limits = &config.limits;
    let bytes = usize::try_from(limits.requests_mib << 20).unwrap_or(usize::MAX);
    let rate = Rate { per_second: limits.requests_per_second, burst: limits.requests_burst };
    Quotas::new(keys, QuotaLimits { bytes, rate })
}

/// Returns the keys that a node accepts. A witness takes requests of operators alone, by gRPC.
pub fn keys(config: &Config) -> impl Iterator<Item = Key> {
    config.keys.iter().map(|key| Key {
        id: key.id.clone(),
        secret: key.secret.reveal().to_owned(),
        principal: Principal { name: key.name.clone() },
        grant: if key.everything { Grant::Everything } else { Grant::Nothing },
    })
}

fn serving_regions(nodes: &Nodes) -> BTreeSet<model::RegionId> {
    let serving = nodes.values().filter(|node| node.kind == RegionKind::Serving);
    serving.map(|node| node.region.clone()).collect()
}
