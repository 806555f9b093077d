//! The driver of the sandbox, the stand-in for every provider. The HTTP contract is all that it shares with it.
//!
//! `POST {sandbox}/v1/deliveries` dispatches a batch; the sandbox calls back at `{listener}/_provider/sandbox`, which
//! `callback` reads.

mod callback;
mod payload;

use std::sync::Arc;
use std::time::Duration;

use model::channel::CHANNELS;
use model::{Channel, NodeId, RegionId};
use reqwest::{Client, Method, Request, Url};
use serde::{Deserialize, Serialize};
use service::ports::BoxFuture;

use super::http::{self, Answer, GuardedBody, HttpError, Lost};
use crate::driver::{Begin, Delivery, Dispatch, Driver, DriverResult, Fault};

pub(crate) use callback::parse_callback;
use payload::Payload;

/// The driver's name in routes and callback paths.
pub const NAME: &str = "sandbox";

/// The largest batch that is dispatched in one request; the sandbox takes 1,000.
const BATCH_MAX: usize = 500;
/// The largest answer that is read: a kilobyte for each message of a batch.
const ANSWER_MAX: usize = BATCH_MAX * 1024;
/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long a whole exchange may take; below the sender's dispatch timeout, so that it is the driver that tells.
const EXCHANGE_MAX: Duration = Duration::from_secs(20);

/// Where the sandbox is and who sends.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// The sandbox's base URL.
    pub url: Url,
    /// The region that sends, as the sandbox shows it.
    pub region: RegionId,
    /// The node that sends.
    pub node: NodeId,
    /// The base URLs of the listeners that take events, the preferred first; at most 16.
    pub callbacks: Vec<String>,
}

/// See the module's text.
pub struct SandboxDriver {
    client: Client,
    url: Url,
    region: String,
    node: String,
    callbacks: Vec<String>,
}

impl SandboxDriver {
    /// Makes the driver; connects when the first batch comes.
    ///
    /// # Errors
    /// When the HTTP client can't be made.
    pub fn new(config: SandboxConfig) -> Result<SandboxDriver, HttpError> {
        let mut url = config.url;
        url.set_path(&format!("{}/v1/deliveries", url.path().trim_end_matches('/')));
        let client = http::client(CONNECT_MAX, EXCHANGE_MAX).build()?;
        let (region, node) = (config.region.to_string(), config.node.to_string());
        Ok(SandboxDriver { client, url, region, node, callbacks: config.callbacks })
    }

    fn request(&self, batch: &[Delivery], begin: Arc<dyn Begin>) -> Result<Request, Lost> {
        let deliveries = batch.iter().map(DeliveryBody::of).collect();
        let body = RequestBody { region: &self.region, node: &self.node, callbacks: &self.callbacks, deliveries };
        let body = serde_json::to_vec(&body).map_err(|_error| Lost::Never("the message can't be written as JSON"))?;
        let request = self.client.request(Method::POST, self.url.clone()).header("content-type", "application/json");
        let messages = batch.iter().map(|delivery| delivery.message).collect();
        request
            .body(GuardedBody::body(body, messages, begin))
            .build()
            .map_err(|_error| Lost::Never("the request can't be built"))
    }
}

impl Driver for SandboxDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        &CHANNELS
    }

    fn batch_max(&self) -> usize {
        BATCH_MAX
    }

    fn deliver(&self, Dispatch { batch, begin }: Dispatch) -> BoxFuture<'_, Vec<DriverResult>> {
        let request = self.request(&batch, begin);
        Box::pin(async move {
            let answer = match request {
                Ok(request) => http::exchange(&self.client, request, ANSWER_MAX).await,
                Err(lost) => Err(lost),
            };
            match answer {
                Ok(answer) => results(&batch, &answer),
                Err(lost) => vec![lost.result(); batch.len()],
            }
        })
    }
}

/// Reads the answer to a batch. An answer that can't be understood leaves the outcome unknown.
fn results(batch: &[Delivery], answer: &Answer) -> Vec<DriverResult> {
    let all = |result: DriverResult| vec![result; batch.len()];
    match answer.status {
        200 => {}
        status @ (429 | 503) => {
            let detail = format!("the sandbox answered {status}");
            return all(DriverResult::Throttled { retry_after: answer.retry_after, detail });
        }
        // It says so before it takes anything.
        status @ 400..500 => {
            let detail = format!("the sandbox answered {status}");
            return all(DriverResult::Permanent { fault: Fault::Sender, detail });
        }
        status => {
            let detail = format!("the sandbox answered {status}");
            return all(DriverResult::Unknown { retry_after: answer.retry_after, detail });
        }
    }
    let Ok(AnswerBody { results }) = serde_json::from_slice(&answer.body) else {
        return all(unknown("the sandbox's answer can't be read"));
    };
    let fits = results.len() == batch.len()
        && results.iter().zip(batch).all(|(result, delivery)| result.message_id == delivery.message.to_string());
    if !fits {
        return all(unknown("the sandbox answered for other messages"));
    }
    results.into_iter().map(ResultBody::into_result).collect()
}

fn unknown(detail: &str) -> DriverResult {
    DriverResult::Unknown { retry_after: None, detail: detail.to_owned() }
}

#[derive(Serialize)]
struct RequestBody<'a> {
    region: &'a str,
    node: &'a str,
    callbacks: &'a [String],
    deliveries: Vec<DeliveryBody<'a>>,
}

#[derive(Serialize)]
struct DeliveryBody<'a> {
    message_id: String,
    app_id: String,
    channel: &'a str,
    address: &'a str,
    attempt: u32,
    epoch: u64,
    class: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origination: Option<&'a str>,
    payload: Payload<'a>,
}

impl DeliveryBody<'_> {
    fn of(delivery: &Delivery) -> DeliveryBody<'_> {
        DeliveryBody {
            message_id: delivery.message.to_string(),
            app_id: delivery.app.to_string(),
            channel: delivery.channel.as_str(),
            address: delivery.address.as_str(),
            attempt: delivery.attempt,
            epoch: delivery.epoch.0,
            class: delivery.class.as_str(),
            origination: delivery.origination.as_deref(),
            payload: Payload::of(&delivery.content, delivery.trace.as_deref()),
        }
    }
}

#[derive(Deserialize)]
struct AnswerBody {
    results: Vec<ResultBody>,
}

#[derive(Deserialize)]
struct ResultBody {
    message_id: String,
    status: Status,
    provider_id: Option<String>,
    #[serde(default)]
    detail: String,
    retry_after_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Accepted,
    Throttled,
    TemporaryFailure,
    PermanentFailure,
}

impl ResultBody {
    fn into_result(self) -> DriverResult {
        let ResultBody { detail, provider_id, retry_after_ms, .. } = self;
        match self.status {
            Status::Accepted => DriverResult::Accepted { provider_id },
            Status::Throttled => {
                DriverResult::Throttled { retry_after: retry_after_ms.map(Duration::from_millis), detail }
            }
            Status::TemporaryFailure => DriverResult::Temporary { detail },
            Status::PermanentFailure => DriverResult::Permanent { fault: Fault::Recipient, detail },
        }
    }
}
