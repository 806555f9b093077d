//! A REST listener over a node in memory, and a client that signs.

use std::sync::Arc;

use api::QuotaLimits;
use api::rest::{Limits, RestApi, RestApiParts, router};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use model::command::{Command, Proposal};
use model::event::{EventKind, ProviderEvent};
use model::id::{GroupId, MessageId};
use model::time::Timestamp;
use rustls::ServerConfig;
use serde_json::Value;
use service::ports::{CallbackError, CallbackHead, Clock, ProviderEvents};
use tower::ServiceExt;

use crate::support::{KEY_ID, Node, PARTITIONS, SECRET, keys, quotas, region};

/// A driver whose callbacks are a message's id: it was delivered. `MANY 7` is seven messages that nobody knows. Whoever
/// signs with `webhook-signature: good` is the provider.
pub struct TestEvents;

impl ProviderEvents for TestEvents {
    fn admit(&self, driver: &str, head: &CallbackHead<'_>) -> Result<(), CallbackError> {
        match ((head.header)("webhook-id"), driver) {
            (_, other) if other != "test" => Err(CallbackError::UnknownDriver(driver.to_owned())),
            (None, _) => Err(CallbackError::NotAuthentic("no id".to_owned())),
            (Some(_), _) => Ok(()),
        }
    }

    fn parse(
        &self,
        driver: &str,
        head: &CallbackHead<'_>,
        body: &[u8],
    ) -> Result<Vec<(GroupId, Proposal)>, CallbackError> {
        self.admit(driver, head)?;
        if (head.header)("webhook-signature") != Some("good") {
            return Err(CallbackError::NotAuthentic("no signature fits".to_owned()));
        }
        let malformed = || CallbackError::Malformed { field: "body".into(), reason: "is no message id".into() };
        let text = std::str::from_utf8(body).map_err(|_| malformed())?;
        if let Some(count) = text.strip_prefix("MANY ") {
            let message = |number| MessageId::new(GroupId(number as u16 % PARTITIONS + 1), Timestamp(1), number);
            return Ok((0..count.parse().unwrap()).map(|number| delivered(message(number))).collect());
        }
        Ok(vec![delivered(text.parse().map_err(|_| malformed())?)])
    }
}

fn delivered(message: MessageId) -> (GroupId, Proposal) {
    let event = ProviderEvent { message, kind: EventKind::Delivered, detail: None };
    (message.group(), Proposal { request: None, command: Command::RecordEvents { events: vec![event] } })
}

pub struct Rest {
    pub node: Node,
    pub api: Arc<RestApi>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.headers.get("x-amzn-errortype").map_or("", |name| name.to_str().unwrap()))
    }

    pub fn message(&self) -> &str {
        self.body["Message"].as_str().unwrap()
    }
}

impl Rest {
    pub async fn start() -> Rest {
        Rest::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> Rest {
        Rest::with(limits, QuotaLimits::default(), None).await
    }

    pub async fn with_quotas(quotas: QuotaLimits) -> Rest {
        Rest::with(Limits::default(), quotas, None).await
    }

    pub async fn with_tls(config: Arc<ServerConfig>) -> Rest {
        Rest::with(Limits::default(), QuotaLimits::default(), Some(config)).await
    }

    async fn with(limits: Limits, quota_limits: QuotaLimits, tls: Option<Arc<ServerConfig>>) -> Rest {
        let node = Node::start().await;
        let api = Arc::new(RestApi::new(RestApiParts {
            service: node.service.clone(),
            keys: keys(),
            quotas: quotas(quota_limits),
            regions: [region("us-east-1"), region("eu-west-1")].into(),
            account: "123456789012".into(),
            provider_events: Arc::new(TestEvents),
            readiness: Arc::new(|| Ok(())),
            metrics: Arc::new(|| "up 1\n".into()),
            tls,
            limits,
        }));
        Rest { node, api }
    }

    /// Signs a request as the kit's key.
    pub fn signed(&self, method: &str, target: &str, body: &str) -> Request<Body> {
        self.signed_by(KEY_ID, method, target, body)
    }

    pub fn signed_by(&self, key_id: &str, method: &str, target: &str, body: &str) -> Request<Body> {
        let identity = aws_credential_types::Credentials::new(key_id, SECRET, None, None, "test").into();
        let now = std::time::UNIX_EPOCH + std::time::Duration::from_millis(self.node.clock.wall_time().0);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("mobiletargeting")
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let uri = format!("http://127.0.0.1:4101{target}");
        let headers = [("host", "127.0.0.1:4101")];
        let signable =
            SignableRequest::new(method, &uri, headers.into_iter(), SignableBody::Bytes(body.as_bytes())).unwrap();
        let mut request =
            Request::builder().method(method).uri(target).header("host", "127.0.0.1:4101").body(()).unwrap();
        let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request.map(|()| Body::from(body.to_owned()))
    }

    /// Returns the head of a signed request as bytes, which announces a body of `length` bytes.
    pub fn head(&self, method: &str, target: &str, body: &str, length: usize) -> Vec<u8> {
        let request = self.signed(method, target, body);
        let headers: String =
            request.headers().iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
        format!("{method} {target} HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n").into_bytes()
    }

    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let response = router(self.api.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::String(String::from_utf8(bytes.to_vec()).unwrap()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn call(&self, method: &str, target: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.answer(self.signed(method, target, &body)).await
    }

    pub async fn plain(&self, method: Method, target: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(target).body(Body::from(body.to_owned())).unwrap();
        self.answer(request).await
    }

    /// Posts a callback of the test's driver, signed.
    pub async fn callback(&self, body: impl Into<Body>) -> Answer {
        let request = Request::post("/_provider/test").header("webhook-id", "i").header("webhook-signature", "good");
        self.answer(request.body(body.into()).unwrap()).await
    }

    /// Makes an app with an enabled SMS and EMAIL channel and returns its path.
    pub async fn app(&self) -> String {
        let made = self.call("POST", "/v1/apps", serde_json::json!({ "Name": "test" })).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        let path = format!("/v1/apps/{}", made.body["Id"].as_str().unwrap());
        let sms = self.call("PUT", &format!("{path}/channels/sms"), serde_json::json!({ "SenderId": "KIT" })).await;
        assert_eq!(sms.status, 200, "{:?}", sms.body);
        let email = serde_json::json!({ "FromAddress": "kit@example.com", "Identity": "arn:x", "Enabled": true });
        assert_eq!(self.call("PUT", &format!("{path}/channels/email"), email).await.status, 200);
        path
    }
}
