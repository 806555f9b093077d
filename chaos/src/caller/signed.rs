//! A client of a REST listener as an AWS SDK would be: kept connections, every request signed (SigV4). It repeats
//! nothing.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Method;
use serde_json::Value;
use signalbox::dev::{KEY_ID, SECRET};

/// The name by which SDKs tell errors apart.
const ERROR_NAME: &str = "x-amzn-errortype";

/// A client of one REST listener.
pub struct RestClient {
    /// With its port.
    address: String,
    region: &'static str,
    credentials: Credentials,
    client: reqwest::Client,
}

/// What a listener answered.
#[derive(Debug, Clone, PartialEq)]
pub struct RestAnswer {
    pub status: u16,
    /// The name of the error; nothing when there is none, and when it isn't the listener that answered.
    pub error: Option<String>,
    /// The document; null when there is none, or no JSON.
    pub body: Value,
}

impl RestClient {
    /// Makes a client that signs for a region and waits so long for each answer.
    ///
    /// # Errors
    /// When there is no HTTP client to be had.
    pub fn new(address: String, region: &'static str, answer_max: Duration) -> anyhow::Result<RestClient> {
        let client = reqwest::Client::builder().timeout(answer_max).retry(reqwest::retry::never()).build();
        let credentials = Credentials::from_keys(KEY_ID, SECRET, None);
        Ok(RestClient { address, region, credentials, client: client.context("no HTTP client")? })
    }

    /// Asks for something at a path; a body of null is none.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<RestAnswer> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let request = self.signed(method, path, body)?.try_into()?;
        let answer = self.client.execute(request).await?;
        let status = answer.status().as_u16();
        let error = answer.headers().get(ERROR_NAME).and_then(|name| name.to_str().ok()).map(str::to_owned);
        let body = answer.bytes().await?;
        Ok(RestAnswer { status, error, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    fn signed(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<http::Request<Vec<u8>>> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("mobiletargeting")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = format!("http://{}{path}", self.address);
        let headers = [("host", self.address.as_str())].into_iter();
        let signable = SignableRequest::new(method.as_str(), &url, headers, SignableBody::Bytes(&body))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = http::Request::builder().method(method).uri(&url).body(body)?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}
