//! `POST /v1/records` keeps event stream records, `GET /events` shows them. What is in them is not looked at.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::body::RoomyBody;
use crate::json_lines::{Lines, limit};
use crate::parse::{checked_text, json_body, on_one_line};
use crate::problem::Problem;
use crate::state::Shared;
use crate::store::{Record, Store};

/// Records in a request.
const RECORDS_MAX: usize = 10_000;
/// Bytes of an application's id.
const APP_ID_LEN_MAX: usize = 256;

/// The body of `POST /v1/records`.
#[derive(Debug, Deserialize)]
struct Written {
    records: Vec<Box<RawValue>>,
}

/// The one field of a record that is read.
#[derive(Debug, Deserialize)]
struct Owner {
    app_id: Box<str>,
}

/// Which records to show. An empty filter is as good as absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecordsQuery {
    app_id: String,
    /// Only the newest so many.
    limit: String,
}

/// Keeps all records of a request, or none; answers how many.
pub(crate) async fn post(State(shared): State<Arc<Shared>>, body: RoomyBody) -> Result<Json<Value>, Problem> {
    let written: Written = json_body(&body.bytes)?;
    if written.records.len() > RECORDS_MAX {
        return Err(Problem::field("records", format!("{} entries, at most {RECORDS_MAX}", written.records.len())));
    }
    let records = written.records.into_iter().enumerate().map(record).collect::<Result<Vec<_>, _>>()?;
    let stored = records.len();
    let mut store = shared.store();
    for record in records {
        store.add_record(record);
    }
    Ok(Json(json!({ "stored": stored })))
}

/// Answers with JSON lines, oldest first, each as it came.
pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<RecordsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query?;
    let lines = Lines {
        window: Store::records,
        newest: limit(Some(&query.limit))?,
        wanted: Box::new(move |record: &Record| query.app_id.is_empty() || *query.app_id == *record.app_id),
        encode: |_, record, text| text.extend_from_slice(record.raw.get().as_bytes()),
    };
    Ok(lines.respond(shared).await)
}

fn record((index, raw): (usize, Box<RawValue>)) -> Result<Record, Problem> {
    let path = || format!("records[{index}].app_id");
    if !raw.get().starts_with('{') {
        return Err(Problem::field(format!("records[{index}]"), "must be an object"));
    }
    let owner: Owner = serde_json::from_str(raw.get()).map_err(|error| Problem::field(path(), error))?;
    checked_text(path, &owner.app_id, APP_ID_LEN_MAX)?;
    Ok(Record { app_id: owner.app_id, raw: on_one_line(raw) })
}
