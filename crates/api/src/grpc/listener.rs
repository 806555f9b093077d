//! Serving the gRPC API on a socket, with the health service (which follows readiness) and reflection.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::layer::util::{Identity, Stack};
use tracing::field::Empty;
use wire::v1;

use super::accounting::AccountingService;
use super::apps::AppsService;
use super::cluster::ClusterService;
use super::endpoints::EndpointsService;
use super::incoming::incoming;
use super::messages::MessagesService;
use super::opt_outs::OptOutsService;
use super::state::GrpcApi;
use super::traffic::TrafficService;
use super::unwind::UnwindLayer;
use crate::connections::Connections;
use crate::rest::BODY_MAX;

/// The largest number of calls and watches of one connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// How often a silent connection is asked whether it lives, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long a call may take to begin answering; watches go on longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the health service asks for readiness.
const HEALTH_INTERVAL: Duration = Duration::from_millis(500);
/// How long calls under way may go on when the listener closes.
const CLOSING_MAX: Duration = Duration::from_secs(10);

/// The services, each call of which may unwind.
type UnwindingRouter = Router<Stack<UnwindLayer, Identity>>;

/// Builds the services of a listener.
///
/// # Errors
/// When the descriptors of the API can't be read.
pub fn router(api: &Arc<GrpcApi>) -> Result<(UnwindingRouter, HealthReporter), tonic_reflection::server::Error> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let (reporter, health) = tonic_health::server::health_reporter();
    let api = || Arc::clone(api);
    macro_rules! bounded {
        ($server:path, $service:expr) => {
            <$server>::new($service).max_decoding_message_size(BODY_MAX)
        };
    }
    let router = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .timeout(CALL_TIMEOUT)
        .layer(UnwindLayer)
        .trace_fn(|call| tracing::info_span!("grpc_call", method = call.uri().path(), action = Empty, caller = Empty))
        .add_service(health)
        .add_service(reflection)
        .add_service(bounded!(v1::apps_server::AppsServer<_>, AppsService(api())))
        .add_service(bounded!(v1::endpoints_server::EndpointsServer<_>, EndpointsService(api())))
        .add_service(bounded!(v1::messages_server::MessagesServer<_>, MessagesService(api())))
        .add_service(bounded!(v1::opt_outs_server::OptOutsServer<_>, OptOutsService(api())))
        .add_service(bounded!(v1::traffic_server::TrafficServer<_>, TrafficService(api())))
        .add_service(bounded!(v1::cluster_server::ClusterServer<_>, ClusterService(api())))
        .add_service(bounded!(v1::accounting_server::AccountingServer<_>, AccountingService(api())));
    Ok((router, reporter))
}

/// Serves a listener until `shutdown`, then ends watches and lets calls under way end, at most `CLOSING_MAX`. It speaks
/// TLS when it is given what for.
///
/// # Errors
/// When the listener fails, or the descriptors of the API can't be read.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    api: Arc<GrpcApi>,
    shutdown: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (router, reporter) = router(&api)?;
    let incoming = incoming(Connections::new(listener, tls, api.connections_max));
    let serving = router.serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
    let closed_late = async {
        shutdown.cancelled().await;
        api.closing.cancel();
        tokio::time::sleep(CLOSING_MAX).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = follow_readiness(&api, reporter) => Ok(()),
        () = closed_late => {
            tracing::warn!("closed connections with calls under way");
            Ok(())
        }
    }
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
