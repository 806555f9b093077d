//! `POST /inbound`: an SMS came in, as if a carrier had brought it. Hands it to the first callback that takes it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::body::RoomyBody;
use crate::parse::{checked_text, json_body};
use crate::problem::Problem;
use crate::state::Shared;

/// Bytes of a number or an id.
const NAME_LEN_MAX: usize = 256;
/// Bytes of a text: many times the longest SMS.
const TEXT_LEN_MAX: usize = 64 << 10;

/// An SMS that came in: read as the kit writes it, written as callbacks read it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct InboundSms {
    origination_number: String,
    destination_number: String,
    message_body: String,
    inbound_message_id: String,
}

/// Answers 202 when a callback took it, 502 with each callback's reason when none did.
pub(crate) async fn post(
    State(shared): State<Arc<Shared>>,
    body: RoomyBody,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let sms: InboundSms = json_body(&body.bytes)?;
    drop(body);
    sms.check()?;
    let outgoing = Bytes::from(json!({ "inbound": [sms] }).to_string());
    let callbacks = shared.callbacks().all();
    match shared.poster.post_to_first(&callbacks, &shared.poster.next_id(), &outgoing).await {
        Ok(()) => Ok((StatusCode::ACCEPTED, Json(json!({ "inboundMessageId": sms.inbound_message_id })))),
        Err(reasons) => {
            let reasons: Vec<_> = reasons.iter().map(|(url, reason)| format!("{url}: {reason}")).collect();
            let error = match reasons.is_empty() {
                true => "no callback is known: name one with --callback, or send something first".to_owned(),
                false => format!("no callback took it: {}", reasons.join("; ")),
            };
            Err(Problem::new(StatusCode::BAD_GATEWAY, error))
        }
    }
}

impl InboundSms {
    fn check(&self) -> Result<(), Problem> {
        checked_text(|| "originationNumber".into(), &self.origination_number, NAME_LEN_MAX)?;
        checked_text(|| "destinationNumber".into(), &self.destination_number, NAME_LEN_MAX)?;
        checked_text(|| "inboundMessageId".into(), &self.inbound_message_id, NAME_LEN_MAX)?;
        if self.message_body.len() > TEXT_LEN_MAX {
            return Err(Problem::field("messageBody", format!("more than {TEXT_LEN_MAX} bytes")));
        }
        Ok(())
    }
}
