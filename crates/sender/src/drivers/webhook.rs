//! The driver of the CUSTOM channel: posts each message to the URL that is its address.
//!
//! The body is JSON: `ApplicationId`, `MessageId`, `Address`, `EndpointId` (when sent to an endpoint), `Data` (the
//! custom document), `Context`, `TraceId` (when given), `Attempt`, `Region`. The header `Idempotency-Key` is the same for every copy of one
//! dispatch and differs between dispatches: `{MessageId}-{Attempt}`.
//!
//! | answer | result |
//! |---|---|
//! | 2xx | accepted; a header `X-Message-Id` is kept as the provider's id |
//! | 429, 503 | throttled; `Retry-After` is obeyed, seconds or a date |
//! | 408, 5xx | unknown: a proxy may answer for a receiver that took the message; `Retry-After` is obeyed |
//! | 3xx, other 4xx | permanent: redirects are not followed |
//! | no connection | temporary |
//! | connection lost or no answer in time | unknown |
//! | no address that may be called | permanent |
//! | forbidden while it was connecting | not begun |
//!
//! A message names its own target, so that its sender could make a node call what only the node reaches. Only public
//! addresses are called, and those that [`Targets`] allows besides; on port 80, 443 or from 1024 up, without a user in
//! the URL, without a proxy. What a URL shows by itself is refused before its message is accepted.

mod public;
mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::content::Content;
use model::{Address, Channel, RegionId};
use reqwest::dns::Resolve;
use reqwest::{Client, Method, Request, Url};
use serde::Serialize;
use service::ports::BoxFuture;

use super::http::{self, Answer, GuardedBody, HttpError, Lost};
use crate::driver::{Begin, Delivery, Dispatch, Driver, DriverResult, Fault};

pub use targets::{InvalidNetwork, NETWORKS_MAX, Network, Targets};
use targets::{NotAllowed, SystemResolver};

/// The driver's name in routes.
pub const NAME: &str = "webhook";

/// The largest number of messages at once; each is a request of its own.
const BATCH_MAX: usize = 32;
/// The largest answer that is read; it is shown to nobody, and read so that the connection can be used again.
const ANSWER_MAX: usize = 16 * 1024;
/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long a whole exchange may take; below the sender's dispatch timeout, so that it is the driver that tells.
const EXCHANGE_MAX: Duration = Duration::from_secs(15);

/// Who sends, and to whom it may.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// The region that sends.
    pub region: RegionId,
    /// Which addresses are called.
    pub targets: Targets,
}

/// See the module's text.
pub struct WebhookDriver {
    client: Client,
    region: String,
    targets: Targets,
}

impl WebhookDriver {
    /// Makes the driver.
    ///
    /// # Errors
    /// When the HTTP client can't be made.
    pub fn new(config: WebhookConfig) -> Result<WebhookDriver, HttpError> {
        WebhookDriver::with_resolver(config, Arc::new(SystemResolver))
    }

    /// Makes the driver with a resolver of its own: it is asked once for each connection.
    ///
    /// # Errors
    /// When the HTTP client can't be made.
    pub fn with_resolver(config: WebhookConfig, names: Arc<dyn Resolve>) -> Result<WebhookDriver, HttpError> {
        let client = config.targets.restrict(http::client(CONNECT_MAX, EXCHANGE_MAX), names).build()?;
        Ok(WebhookDriver { client, region: config.region.to_string(), targets: config.targets })
    }

    async fn deliver_one(&self, delivery: Delivery, begin: Arc<dyn Begin>) -> DriverResult {
        let request = match self.request(&delivery, begin) {
            Ok(request) => request,
            Err(lost) => return lost.result(),
        };
        let refused = |error: &reqwest::Error| http::cause(error).map(|NotAllowed(reason)| Lost::Never(reason));
        match http::exchange_or(&self.client, request, ANSWER_MAX, refused).await {
            Ok(answer) => result(&answer),
            Err(lost) => lost.result(),
        }
    }

    /// Reads an address that may be called, as far as it shows: a name isn't resolved.
    fn url(&self, address: &Address) -> Result<Url, NotAllowed> {
        let url = Url::parse(address.as_str()).map_err(|_error| NotAllowed("the address is no URL"))?;
        self.targets.check(&url).map(|()| url)
    }

    fn request(&self, delivery: &Delivery, begin: Arc<dyn Begin>) -> Result<Request, Lost> {
        let url = self.url(&delivery.address).map_err(|NotAllowed(reason)| Lost::Never(reason))?;
        let body = serde_json::to_vec(&Body::of(delivery, &self.region))
            .map_err(|_error| Lost::Never("the message can't be written as JSON"))?;
        let request = self.client.request(Method::POST, url).header("content-type", "application/json");
        let key = format!("{}-{}", delivery.message, delivery.attempt);
        let body = GuardedBody::body(body, vec![delivery.message], begin);
        let request = request.header("idempotency-key", key).body(body);
        request.build().map_err(|_error| Lost::Never("the request can't be built"))
    }
}

impl Driver for WebhookDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Custom]
    }

    fn batch_max(&self) -> usize {
        BATCH_MAX
    }

    fn check_address(&self, _channel: Channel, address: &Address) -> Result<(), &'static str> {
        self.url(address).map(|_url| ()).map_err(|NotAllowed(reason)| reason)
    }

    fn deliver(&self, Dispatch { batch, begin }: Dispatch) -> BoxFuture<'_, Vec<DriverResult>> {
        // Each begins for itself, when its own connection is made.
        let one = move |delivery| self.deliver_one(delivery, Arc::clone(&begin));
        Box::pin(futures::future::join_all(batch.into_iter().map(one)))
    }
}

fn result(answer: &Answer) -> DriverResult {
    let detail = format!("the webhook answered {}", answer.status);
    match answer.status {
        200..300 => DriverResult::Accepted { provider_id: answer.message_id.clone() },
        429 | 503 => DriverResult::Throttled { retry_after: answer.retry_after, detail },
        408 | 500.. => DriverResult::Unknown { retry_after: answer.retry_after, detail },
        _ => DriverResult::Permanent { fault: Fault::Recipient, detail },
    }
}

/// What is posted.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    application_id: String,
    message_id: String,
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_id: Option<&'a str>,
    data: &'a str,
    context: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    attempt: u32,
    region: &'a str,
}

impl Body<'_> {
    fn of<'a>(delivery: &'a Delivery, region: &'a str) -> Body<'a> {
        Body {
            application_id: delivery.app.to_string(),
            message_id: delivery.message.to_string(),
            address: delivery.address.as_str(),
            endpoint_id: delivery.endpoint.as_ref().map(|endpoint| endpoint.as_str()),
            data: data(&delivery.content),
            context: &delivery.context,
            trace_id: delivery.trace.as_deref(),
            attempt: delivery.attempt,
            region,
        }
    }
}

/// Returns the document of a custom message. Contents of other channels have none; they don't come here.
fn data(content: &Content) -> &str {
    match content {
        Content::Custom { data } => data,
        Content::Sms { text, .. } => text,
        Content::Email { .. } | Content::RawEmail { .. } => "",
    }
}
