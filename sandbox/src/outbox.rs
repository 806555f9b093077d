//! `GET /outbox` shows what was dispatched, `DELETE /outbox` forgets it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::json_lines::{Lines, limit};
use crate::message::{Message, Status};
use crate::problem::Problem;
use crate::state::Shared;
use crate::store::Store;

/// Which messages to show. Each filter is exact; an empty one is as good as absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OutboxQuery {
    app_id: String,
    address: String,
    message_id: String,
    channel: String,
    /// Only the newest so many.
    limit: String,
    /// `true`: also those that weren't accepted.
    all: String,
}

/// A message with its number.
#[derive(Serialize)]
struct OutboxLine<'a> {
    #[serde(flatten)]
    message: &'a Message,
    seq: u64,
}

/// Answers with JSON lines, oldest first.
pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<OutboxQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query?;
    let statuses = match query.all.as_str() {
        "" | "false" => Statuses::Accepted,
        "true" => Statuses::Any,
        other => {
            return Err(Problem::field("all", format!("{other:?} must be true or false")));
        }
    };
    let lines = Lines {
        window: Store::messages,
        newest: limit(Some(&query.limit))?,
        wanted: Box::new(move |message: &Message| statuses.include(message.status) && query.fits(message)),
        encode,
    };
    Ok(lines.respond(shared).await)
}

/// Forgets all messages; answers how many.
pub(crate) async fn delete(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let removed = shared.store().clear_messages();
    Json(json!({ "removed": removed }))
}

fn encode(seq: u64, message: &Message, text: &mut Vec<u8>) {
    serde_json::to_writer(text, &OutboxLine { message, seq }).expect("a message is text, numbers and JSON");
}

/// What must have become of a message to be shown.
#[derive(Debug, Clone, Copy)]
enum Statuses {
    Accepted,
    Any,
}

impl Statuses {
    fn include(self, status: Status) -> bool {
        match self {
            Self::Accepted => status == Status::Accepted,
            Self::Any => true,
        }
    }
}

impl OutboxQuery {
    fn fits(&self, message: &Message) -> bool {
        let is = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
        is(&self.app_id, &message.app_id)
            && is(&self.address, &message.address)
            && is(&self.message_id, &message.message_id)
            && is(&self.channel, &message.channel)
    }
}
