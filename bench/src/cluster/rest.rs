//! A client of a REST listener as an AWS SDK would be: one kept connection, every request signed (SigV4).

use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use signalbox::dev::{KEY_ID, SECRET};
use tokio::net::TcpStream;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A connection to a REST listener; opened when it is needed, and again after it broke.
pub struct RestClient {
    address: String,
    region: &'static str,
    credentials: Credentials,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl RestClient {
    /// Makes a client that signs for the region.
    pub fn new(address: String, region: &'static str) -> RestClient {
        let credentials = Credentials::from_keys(KEY_ID, SECRET, None);
        RestClient { address, region, credentials, connection: None }
    }

    /// Posts a document and returns the answer's status and body.
    pub async fn post(&mut self, target: &str, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        let answer = tokio::time::timeout(ANSWER_MAX, self.try_post(target, body)).await;
        let outcome = answer.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in {ANSWER_MAX:?}")));
        if outcome.is_err() {
            self.connection = None;
        }
        outcome.map_err(|error| format!("{}: {error:#}", self.address))
    }

    async fn try_post(&mut self, target: &str, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = self.signed(target, body)?;
        let mut connection = match self.connection.take() {
            Some(open) if !open.is_closed() => open,
            _ => self.open().await?,
        };
        connection.ready().await.context("failed to use the connection")?;
        let answer = connection.send_request(request).await.context("failed to send")?;
        let status = answer.status();
        let body = answer.into_body().collect().await.context("failed to read the answer")?.to_bytes();
        self.connection = Some(connection);
        Ok((status, body))
    }

    async fn open(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(&self.address).await.context("failed to connect")?;
        stream.set_nodelay(true).context("failed to send without delay")?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.context("failed to speak HTTP")?;
        // The task ends with the connection; its error is also that of the request.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn signed(&self, target: &str, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("mobiletargeting")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let uri = format!("http://{}{target}", self.address);
        let headers = [("host", self.address.as_str())];
        let signable = SignableRequest::new("POST", &uri, headers.into_iter(), SignableBody::Bytes(&body))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = Request::builder().method(Method::POST).uri(target).header("host", &self.address).body(())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request.map(|()| Full::new(body)))
    }
}
