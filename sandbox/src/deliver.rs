//! `POST /v1/deliveries`: takes messages from a sender, as far as the faults let it, and puts their events on the way.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::body::RoomyBody;
use crate::delivery::{Delivery, DeliveryRequest};
use crate::event::DeliveryEvent;
use crate::faults::{Answer, Subject, Verdict};
use crate::message::{Message, Status};
use crate::problem::Problem;
use crate::state::Shared;

/// How long a request that hangs is kept waiting before its connection is given an answer after all.
const HANG_MAX: Duration = Duration::from_secs(60);

/// The answer to a request: one result per delivery, in the request's order.
#[derive(Debug, Serialize)]
pub(crate) struct DeliveryResponse {
    results: Vec<DeliveryResult>,
}

/// The answer to one delivery.
#[derive(Debug, Serialize)]
struct DeliveryResult {
    message_id: Arc<str>,
    status: Status,
    provider_id: Arc<str>,
    detail: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

/// Takes a request. A delay takes the messages at once and answers late; a hang takes nothing and doesn't answer.
pub(crate) async fn post(
    State(shared): State<Arc<Shared>>,
    body: RoomyBody,
) -> Result<Json<DeliveryResponse>, Problem> {
    let request = DeliveryRequest::from_json(&body.bytes)?;
    drop(body);
    let verdicts = judge(&shared, &request);
    if verdicts.iter().any(|verdict| verdict.answer == Answer::Hang) {
        keep_as_hung(&shared, request);
        wait(&shared, HANG_MAX).await;
        return Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "a fault said not to answer"));
    }
    let delay = verdicts.iter().map(|verdict| verdict.delay).max().unwrap_or_default();
    let response = take(&shared, request, verdicts);
    if !delay.is_zero() {
        wait(&shared, delay).await;
    }
    Ok(Json(response))
}

fn judge(shared: &Shared, request: &DeliveryRequest) -> Vec<Verdict> {
    let mut faults = shared.faults();
    if faults.is_empty() {
        return vec![Verdict::WELL; request.deliveries.len()];
    }
    let judge_one = |delivery: &Delivery| {
        faults.judge(Subject {
            region: &request.region,
            channel: &delivery.channel,
            app_id: &delivery.app_id,
            address: &delivery.address,
        })
    };
    request.deliveries.iter().map(judge_one).collect()
}

/// Keeps what was accepted and refused, and puts the events of what was accepted on their way.
fn take(shared: &Shared, request: DeliveryRequest, verdicts: Vec<Verdict>) -> DeliveryResponse {
    let DeliveryRequest { region, node, callbacks, deliveries } = request;
    let route = shared.callbacks().route(&callbacks);
    let arrival = Arrival { region, node, at_ms: shared.clock.now_ms() };
    let mut results = Vec::with_capacity(deliveries.len());
    let mut messages = Vec::with_capacity(deliveries.len());
    let mut events = Vec::with_capacity(deliveries.len());
    for (delivery, verdict) in deliveries.into_iter().zip(verdicts) {
        let message = arrival.message(delivery, status_of(&verdict.answer), shared.provider_ids.next());
        if shared.emit_events && message.status == Status::Accepted {
            if verdict.event_times == 0 {
                shared.events.counts().add_lost_by_fault(1);
            }
            events.extend((0..verdict.event_times).map(|_| event_of(&message, &verdict)));
        }
        results.push(result_of(&message, verdict.answer));
        messages.push(Arc::new(message));
    }
    keep(shared, messages);
    shared.events.push(route, events);
    DeliveryResponse { results }
}

fn keep_as_hung(shared: &Shared, request: DeliveryRequest) {
    let DeliveryRequest { region, node, deliveries, .. } = request;
    let arrival = Arrival { region, node, at_ms: shared.clock.now_ms() };
    let hung = |delivery| Arc::new(arrival.message(delivery, Status::Hung, shared.provider_ids.next()));
    keep(shared, deliveries.into_iter().map(hung).collect());
}

fn keep(shared: &Shared, messages: Vec<Arc<Message>>) {
    let mut store = shared.store();
    for message in messages {
        store.add_message(message);
    }
}

/// What the messages of one request have in common.
struct Arrival {
    region: Arc<str>,
    node: Arc<str>,
    at_ms: u64,
}

impl Arrival {
    fn message(&self, delivery: Delivery, status: Status, provider_id: Arc<str>) -> Message {
        Message {
            message_id: delivery.message_id,
            app_id: delivery.app_id,
            channel: delivery.channel,
            address: delivery.address,
            payload: crate::parse::on_one_line(delivery.payload),
            region: Arc::clone(&self.region),
            node: Arc::clone(&self.node),
            epoch: delivery.epoch,
            attempt: delivery.attempt,
            class: delivery.class,
            origination: delivery.origination,
            status,
            provider_id,
            at_ms: self.at_ms,
        }
    }
}

fn status_of(answer: &Answer) -> Status {
    match answer {
        Answer::Accept => Status::Accepted,
        Answer::Refuse { status, .. } => status.as_status(),
        Answer::Hang => Status::Hung,
    }
}

fn event_of(message: &Message, verdict: &Verdict) -> DeliveryEvent {
    DeliveryEvent {
        message_id: Arc::clone(&message.message_id),
        provider_id: Arc::clone(&message.provider_id),
        kind: verdict.event,
        at_ms: message.at_ms,
        detail: verdict.event.detail(),
    }
}

fn result_of(message: &Message, answer: Answer) -> DeliveryResult {
    let (detail, retry_after_ms) = match answer {
        Answer::Refuse { detail, retry_after_ms, .. } => (Cow::Owned(detail), retry_after_ms),
        Answer::Accept | Answer::Hang => (Cow::Borrowed("taken by the sandbox"), None),
    };
    DeliveryResult {
        message_id: Arc::clone(&message.message_id),
        status: message.status,
        provider_id: Arc::clone(&message.provider_id),
        detail,
        retry_after_ms,
    }
}

/// Waits on purpose, but not longer than the sandbox runs.
async fn wait(shared: &Shared, duration: Duration) {
    let mut stopping = shared.stopping.clone();
    tokio::select! {
        () = tokio::time::sleep(duration) => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}
