//! Starting a node's replication: its groups are opened (`opening`), its peers served, its tasks set going, and each
//! group is on its way to full part (`joining`).

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt as _;
use model::cluster::placement;
use model::id::GroupId;
use tokio::sync::watch;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use wire::peer::peer_server::PeerServer;

use crate::leadership::balance;
use crate::leadership::duties;
use crate::leadership::duties::DutyFactory;
use crate::lease::rounds;
use crate::lease::tenure;
use crate::node::config::{ReplicationConfig, ReplicationParts, StartError};
use crate::node::joining::Joining;
use crate::node::opening::Opening;
use crate::node::purge;
use crate::node::shared::Node;
use crate::peers::beat;
use crate::peers::channels::MESSAGE_BYTES_MAX;
use crate::peers::transport::{CONNECTION_WINDOW, KEEPALIVE, STREAM_WINDOW};
use crate::server::callers::CallerCheck;
use crate::server::peer_server::PeerService;

/// The most calls of one node that are under way here: appends, heartbeats, proposals and leases of all groups.
const STREAMS_MAX: u32 = 4096;

/// Opens everything and starts it.
pub(crate) async fn start(config: ReplicationConfig, parts: ReplicationParts) -> Result<Arc<Node>, StartError> {
    let info = config.nodes.get(&config.node).ok_or(StartError::NotConfigured(config.node))?.clone();
    let opening = Opening::new(&config, &info, parts)?;
    opening.watch_disk();
    let mut groups = BTreeMap::new();
    for group in GroupId::all(config.partitions) {
        groups.insert(group, opening.open(group).await?);
    }
    let (node, queues) = opening.assemble(&config, info, groups);
    queues.into_iter().for_each(|queue| node.spawn_essential("proposals", queue));
    serve(&node, CallerCheck::new(&opening.introduction), opening.parts.transport.incoming());
    for group in node.groups.values() {
        node.spawn_essential("tenures", tenure::watch(node.clone(), group.clone()));
        node.spawn_essential("balance of leaders", balance::run(node.clone(), group.clone(), config.leadership));
    }
    node.spawn_essential("lease requests", rounds::run(node.clone()));
    node.spawn_essential("flush and purge", purge::run(node.clone(), config.housekeeping));
    node.spawn_essential("heartbeats", beat::run(node.clone()));
    let nodes = Arc::new(config.nodes);
    for group in node.groups.values() {
        let lowest = placement(&nodes, group.id).into_values().min();
        let makes = config.bootstrap && lowest == Some(config.node);
        let joining = Joining { node: node.clone(), group: group.clone(), nodes: nodes.clone(), makes };
        node.spawn(joining.run(opening.started));
    }
    Ok(node)
}

/// Starts the duties of the groups that this node leads or will lead.
pub(crate) fn spawn_duties(node: &Arc<Node>, factory: &DutyFactory) {
    for group in node.groups.values() {
        node.spawn_essential("duties", duties::run(node.clone(), group.clone(), factory.clone()));
    }
}

/// Serves other nodes until the node stops.
fn serve(node: &Arc<Node>, check: CallerCheck, incoming: crate::peers::transport::Incoming) {
    let stopping = node.stopping.subscribe();
    let service = PeerServer::new(PeerService(node.clone()))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let service = InterceptedService::new(service, check);
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE * 2))
        .max_concurrent_streams(Some(STREAMS_MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(service)
        .serve_with_incoming(incoming.map_ok(move |stream| stream.until(stopped(stopping.clone()))));
    let fatal = node.fatal.clone();
    node.spawn(async move {
        if let Err(error) = server.await {
            fatal.report(format!("peers can't be served any more: {error}"));
        }
    });
}

/// Ready when the node stops. tonic serves each connection in a task of its own, which nobody else can end.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // A closed channel means that the node is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
