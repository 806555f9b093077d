//! Serving the gRPC API on a socket, with the health service (which follows readiness) and reflection.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use wire::v1;

use super::accounting::AccountingService;
use super::admission::Admission;
use super::apps::AppsService;
use super::cluster::ClusterService;
use super::endpoints::EndpointsService;
use super::messages::MessagesService;
use super::opt_outs::OptOutsService;
use super::state::GrpcApi;
use super::traffic::TrafficService;
use crate::connections::{self, Serving};
use crate::limits::{BODY_MAX, MESSAGES_REQUEST_MAX};

/// The largest number of calls and watches of one connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// How much of a call, and of all calls of a connection, a client may send before it is read, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How much of an answer waits for a slow reader, in bytes.
const SEND_BUFFER_MAX: usize = 256 * 1024;
/// The largest metadata of a call, in bytes.
const METADATA_MAX: u32 = 16 * 1024;
/// How many calls that a client began and broke off at once may wait to be cleaned up, and how many a client may make
/// the listener break off, before the connection is closed ("rapid reset", CVE-2023-44487 and CVE-2025-8671).
const RESETS_WAITING_MAX: usize = 20;
const RESETS_MADE_MAX: usize = 256;
/// How often a silent connection is asked whether it lives, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How often the health service asks for readiness.
const HEALTH_INTERVAL: Duration = Duration::from_millis(500);
/// The largest request that holds neither contents nor an endpoint, in bytes.
const CONTROL_REQUEST_MAX: usize = 256 * 1024;
/// The largest request to what is open to everybody (health and reflection), in bytes.
const OPEN_REQUEST_MAX: usize = 4 * 1024;

/// Builds the services of a listener.
fn router(api: &Arc<GrpcApi>) -> Result<(Router, HealthReporter), tonic_reflection::server::Error> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let (reporter, health) = tonic_health::server::health_reporter();
    let services = || Arc::clone(api);
    macro_rules! bounded {
        ($server:path, $service:expr, $max:expr) => {
            <$server>::new($service).max_decoding_message_size($max)
        };
    }
    let routes = Routes::new(health.max_decoding_message_size(OPEN_REQUEST_MAX))
        .add_service(reflection.max_decoding_message_size(OPEN_REQUEST_MAX))
        .add_service(bounded!(v1::apps_server::AppsServer<_>, AppsService(services()), CONTROL_REQUEST_MAX))
        .add_service(bounded!(v1::endpoints_server::EndpointsServer<_>, EndpointsService(services()), BODY_MAX))
        .add_service(bounded!(
            v1::messages_server::MessagesServer<_>,
            MessagesService(services()),
            MESSAGES_REQUEST_MAX
        ))
        .add_service(bounded!(v1::opt_outs_server::OptOutsServer<_>, OptOutsService(services()), CONTROL_REQUEST_MAX))
        .add_service(bounded!(v1::traffic_server::TrafficServer<_>, TrafficService(services()), CONTROL_REQUEST_MAX))
        .add_service(bounded!(v1::cluster_server::ClusterServer<_>, ClusterService(services()), CONTROL_REQUEST_MAX))
        .add_service(bounded!(
            v1::accounting_server::AccountingServer<_>,
            AccountingService(services()),
            CONTROL_REQUEST_MAX
        ));
    Ok((routes.prepare().into_axum_router(), reporter))
}

/// Serves a listener until `shutdown`, then ends watches and lets calls under way end, at most 10 s.
///
/// # Errors
/// When the descriptors of the API can't be read.
pub async fn serve(
    listener: TcpListener,
    api: Arc<GrpcApi>,
    shutdown: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (router, reporter) = router(&api)?;
    let tls = api.tls.as_deref().map(|config| connections::acceptor(config, "h2"));
    let answers = Admission { api: Arc::clone(&api), router };
    let serving = Serving { name: "grpc", answers, builder: http2(), limits: api.connections, tls };
    let ending_watches = async {
        shutdown.cancelled().await;
        api.closing.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = connections::serve(listener, serving, shutdown.clone()) => {}
        () = follow_readiness(&api, reporter) => {}
        () = ending_watches => {}
    }
    Ok(())
}

fn http2() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER_MAX)
        .max_header_list_size(METADATA_MAX)
        .max_pending_accept_reset_streams(RESETS_WAITING_MAX)
        .max_local_error_reset_streams(RESETS_MADE_MAX)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    builder
}

/// Tells the health service what readiness says, for ever.
async fn follow_readiness(api: &GrpcApi, reporter: HealthReporter) {
    let mut ticks = tokio::time::interval(HEALTH_INTERVAL);
    loop {
        ticks.tick().await;
        let status = match (api.readiness)() {
            Ok(()) => ServingStatus::Serving,
            Err(_) => ServingStatus::NotServing,
        };
        reporter.set_service_status("", status).await;
    }
}
