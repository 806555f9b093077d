//! The way to a cluster: the first listener that answers, with the caller's key on every call.

mod address;
mod key;

use std::path::Path;
use std::time::Duration;

use tonic::metadata::MetadataMap;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};
use wire::v1::accounting_client::AccountingClient;
use wire::v1::apps_client::AppsClient;
use wire::v1::cluster_client::ClusterClient;
use wire::v1::endpoints_client::EndpointsClient;
use wire::v1::messages_client::MessagesClient;
use wire::v1::opt_outs_client::OptOutsClient;
use wire::v1::traffic_client::TrafficClient;

pub use address::ListenerAddress;
pub use key::Key;
#[cfg(test)]
pub use key::{KEY_ID_METADATA, SECRET_METADATA};

use crate::failure::{Failure, with_causes};

/// How long a listener may take to accept a connection before the next one is tried.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// How often a connection that waits for news is checked.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(10);

/// The largest answer that is taken, in bytes: 1,000 plans or held messages with room to spare.
const ANSWER_MAX: usize = 64 << 20;

/// A channel that puts the caller's key on every call.
pub type Signed = InterceptedService<Channel, Signer>;

/// A connection to one listener.
#[derive(Debug, Clone)]
pub struct Connection {
    channel: Channel,
    listener: ListenerAddress,
    key: Key,
    timeout: Duration,
}

impl Connection {
    /// Connects to the first of the listeners that takes a connection.
    ///
    /// # Errors
    /// `Usage` when the file of authorities can't be read, `Unreachable` when none does.
    pub async fn open(
        listeners: &[ListenerAddress],
        authorities: Option<&Path>,
        key: Key,
        timeout: Duration,
    ) -> Result<Connection, Failure> {
        let tls = trust(authorities)?;
        let mut tried = Vec::new();
        for listener in listeners {
            match connect(listener, &tls, CONNECT_MAX.min(timeout)).await {
                Ok(channel) => return Ok(Connection { channel, listener: listener.clone(), key, timeout }),
                Err(reason) => tried.push(format!("{listener} ({reason})")),
            }
        }
        Err(Failure::Unreachable { tried })
    }

    /// Waits for the answer to a call.
    ///
    /// # Errors
    /// As [`Failure::from_status`] makes them.
    pub async fn answer<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Failure> {
        call.await.map(Response::into_inner).map_err(|status| self.failure(&status))
    }

    /// Makes sense of an error that a call on this connection ended with.
    pub fn failure(&self, status: &Status) -> Failure {
        Failure::from_status(status, &self.listener.to_string(), self.timeout)
    }

    /// How long an answer may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns a client of the apps.
    pub fn apps(&self) -> AppsClient<Signed> {
        AppsClient::new(self.signed()).max_decoding_message_size(ANSWER_MAX)
    }

    /// Returns a client of the accounting.
    pub fn accounting(&self) -> AccountingClient<Signed> {
        AccountingClient::new(self.signed()).max_decoding_message_size(ANSWER_MAX)
    }

    /// Returns a client of the cluster's status and membership.
    pub fn cluster(&self) -> ClusterClient<Signed> {
        ClusterClient::new(self.signed()).max_decoding_message_size(ANSWER_MAX)
    }

    /// Returns a client of the endpoints.
    pub fn endpoints(&self) -> EndpointsClient<Signed> {
        EndpointsClient::new(self.signed()).max_decoding_message_size(ANSWER_MAX)
    }

    /// Returns a client of the messages.
    pub fn messages(&self) -> MessagesClient<Signed> {
        MessagesClient::new(self.signed()).max_decoding_message_size(ANSWER_MAX)
    }

    /// Returns a client of the messages whose answers may take for ever: for following them.
    pub fn messages_without_end(&self) -> MessagesClient<Signed> {
        let signer = Signer { key: self.key.clone(), timeout: None };
        MessagesClient::with_interceptor(self.channel.clone(), signer)
    }

    /// Returns a client of the opt-outs.
    pub fn opt_outs(&self) -> OptOutsClient<Signed> {
        OptOutsClient::new(self.signed()).max_decoding_message_size(ANSWER_MAX)
    }

    /// Returns a client of the traffic plan.
    pub fn traffic(&self) -> TrafficClient<Signed> {
        TrafficClient::new(self.signed()).max_decoding_message_size(ANSWER_MAX)
    }

    fn signed(&self) -> Signed {
        let signer = Signer { key: self.key.clone(), timeout: Some(self.timeout) };
        InterceptedService::new(self.channel.clone(), signer)
    }
}

/// Puts the key and the deadline on a call.
#[derive(Debug, Clone)]
pub struct Signer {
    key: Key,
    timeout: Option<Duration>,
}

impl Interceptor for Signer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata: &mut MetadataMap = request.metadata_mut();
        metadata.insert(key::KEY_ID_METADATA, self.key.id.clone());
        metadata.insert(key::SECRET_METADATA, self.key.secret.clone());
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        Ok(request)
    }
}

/// Says whose certificates listeners may show: those of the authorities in a file, or those of the public ones.
fn trust(authorities: Option<&Path>) -> Result<ClientTlsConfig, Failure> {
    let Some(file) = authorities else { return Ok(ClientTlsConfig::new().with_webpki_roots()) };
    let unreadable = |error| Failure::Usage(format!("--ca: failed to read {}: {error}", file.display()));
    let pem = std::fs::read(file).map_err(unreadable)?;
    Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
}

async fn connect(listener: &ListenerAddress, tls: &ClientTlsConfig, timeout: Duration) -> Result<Channel, String> {
    let mut endpoint = Endpoint::from_shared(listener.url())
        .map_err(|error| with_causes(&error))?
        .connect_timeout(timeout)
        .http2_keep_alive_interval(KEEP_ALIVE_EVERY)
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| with_causes(&error))?;
    if listener.has_tls() {
        endpoint = endpoint.tls_config(tls.clone()).map_err(|error| with_causes(&error))?;
    }
    // The connector's own timeout ends with TCP's part.
    let connecting = tokio::time::timeout(timeout * 2, endpoint.connect());
    match connecting.await {
        Ok(connected) => connected.map_err(|error| innermost(&error)),
        Err(_) if listener.has_tls() => Err("no TLS handshake: is it spoken there? http:// goes without".to_owned()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// Returns the last cause: the system's own words, such as "connection refused".
fn innermost(error: &dyn std::error::Error) -> String {
    let last = std::iter::successors(Some(error), |error| error.source()).last();
    let text = last.map(ToString::to_string).unwrap_or_default();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
