//! Opening a node's listeners: REST in serving regions, gRPC everywhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use api::grpc::{GrpcApi, GrpcApiParts, GrpcLimits};
use api::rest::{Limits, Readiness, RestApi, RestApiParts};
use api::{Key, KeyStore};
use metrics_exporter_prometheus::PrometheusHandle;
use model::cluster::{Nodes, RegionKind};
use policy::{Grant, Principal};
use sender::callbacks::{Callbacks, CallbacksConfig, all_sms_apps};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
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
    pub metrics: PrometheusHandle,
    /// The keys that both listeners accept.
    pub keys: Arc<KeyStore>,
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
    let partitions = model::GroupId::partitions(opening.config.partitions).collect();
    let callbacks = CallbacksConfig {
        partitions: opening.config.partitions,
        apps_of_numbers: all_sms_apps(Arc::new(opening.node.replication.clone()), partitions),
        // A witness sends nothing, so that no provider has anything to tell it.
        sandbox: if serving { opening.config.providers.sandbox_secrets.clone() } else { Vec::new() },
    };
    let api = RestApi::new(RestApiParts {
        service: opening.node.service.clone(),
        keys: if serving { opening.keys.clone() } else { Arc::default() },
        regions: serving_regions(opening.nodes),
        account: opening.config.account.clone(),
        provider_events: Arc::new(Callbacks::new(callbacks)),
        readiness: readiness(opening.node),
        metrics: Arc::new(move || metrics.render()),
        limits: Limits::default(),
    });
    let tls = opening.tls.as_ref().map(|tls| tls.server(b"http/1.1"));
    Ok(tokio::spawn(api::rest::serve(listener, tls, Arc::new(api), stop)))
}

/// Opens the gRPC listener and serves it until `stop`.
///
/// # Errors
/// When the address can't be bound.
pub async fn grpc(opening: &Opening<'_>, stop: CancellationToken) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let listener = bind("listen.grpc", opening.config.listen.grpc).await?;
    let api = GrpcApi::new(GrpcApiParts {
        service: opening.node.service.clone(),
        keys: opening.keys.clone(),
        cluster: Arc::new(opening.node.replication.clone()),
        readiness: readiness(opening.node),
        limits: GrpcLimits::default(),
    });
    let tls = opening.tls.as_ref().map(|tls| tls.server(b"h2"));
    Ok(tokio::spawn(async move {
        if let Err(error) = api::grpc::serve(listener, tls, Arc::new(api), stop).await {
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
