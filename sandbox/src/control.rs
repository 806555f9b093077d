//! The routes that tell how the sandbox is doing and what shall go wrong: `/livez`, `/v1/stats`, `/v1/faults`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use crate::body::RoomyBody;
use crate::faults::{FaultRules, Faults};
use crate::problem::Problem;
use crate::state::Shared;
use crate::store::{Counts, Store};

/// The body of `GET /v1/stats`. Counts since the start, unless said otherwise.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Events that a callback took.
    pub(crate) events_sent: u64,
    /// Events given up.
    pub(crate) events_dropped: u64,
    /// Messages whose event a fault lost.
    pub(crate) events_lost_by_fault: u64,
    /// Events waiting or under way, now.
    pub(crate) events_pending: u64,
    /// Messages kept, now.
    pub(crate) retained: u64,
    /// Event stream records kept, now.
    pub(crate) retained_records: u64,
    /// Bytes of both, now.
    pub(crate) retained_bytes: u64,
    /// Messages that fell out to make room.
    pub(crate) fell_out: u64,
    /// Records that fell out to make room.
    pub(crate) fell_out_records: u64,
}

impl Stats {
    pub(crate) fn read(shared: &Shared) -> Self {
        let events = shared.events.counts().read();
        let mut stats = Self::of_store(&shared.store());
        stats.events_sent = events.sent;
        stats.events_dropped = events.dropped;
        stats.events_lost_by_fault = events.lost_by_fault;
        stats.events_pending = shared.events.pending() as u64;
        stats
    }

    fn of_store(store: &Store) -> Self {
        Self {
            counts: store.counts().clone(),
            events_sent: 0,
            events_dropped: 0,
            events_lost_by_fault: 0,
            events_pending: 0,
            retained: store.messages().len() as u64,
            retained_records: store.records().len() as u64,
            retained_bytes: store.bytes() as u64,
            fell_out: store.messages().fell_out(),
            fell_out_records: store.records().fell_out(),
        }
    }
}

/// Says that the process runs.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Answers with the counts.
pub(crate) async fn stats(State(shared): State<Arc<Shared>>) -> Json<Stats> {
    Json(Stats::read(&shared))
}

/// Answers with the rules as they are now and how many deliveries each has hit.
pub(crate) async fn get_faults(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(shown(&shared.faults()))
}

/// Replaces the rules; answers with them.
pub(crate) async fn put_faults(State(shared): State<Arc<Shared>>, body: RoomyBody) -> Result<Json<Value>, Problem> {
    let rules = FaultRules::from_json(&body.bytes)?;
    let mut faults = shared.faults();
    faults.replace(rules);
    Ok(Json(shown(&faults)))
}

/// Removes all rules.
pub(crate) async fn delete_faults(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let mut faults = shared.faults();
    faults.replace(FaultRules::default());
    Json(shown(&faults))
}

fn shown(faults: &Faults) -> Value {
    let rules: Vec<_> = faults.iter().map(|(rule, _)| rule).collect();
    let hits: BTreeMap<_, _> = faults.iter().map(|(rule, hits)| (&rule.name, hits)).collect();
    json!({ "rules": rules, "hits": hits })
}
