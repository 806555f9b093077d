//! The page that a person looks at: newest messages, counts, faults, a filter. Everything is rendered here, once, and
//! escaped; the script only fetches the same fragment again and puts it in place. Nothing external is loaded, and the
//! browser is told to run no other script.

mod excerpt;
mod html;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{Html, IntoResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::control::Stats;
use crate::json_lines::LOOK;
use crate::message::Message;
use crate::problem::Problem;
use crate::retention::Look;
use crate::state::Shared;
use view::{FaultView, ROWS_MAX, View};

/// Bytes of a filter.
const FILTER_LEN_MAX: usize = 256;
/// What the page may load: itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'";

/// What the page is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageQuery {
    /// A part of an address or of an application's id; empty: all.
    q: String,
}

/// The whole page.
pub(crate) async fn get_page(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<impl IntoResponse, Problem> {
    let view = view(&shared, query?.0).await?;
    let headers = [(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Html(html::page(&view))))
}

/// The part of the page that changes, as `{"html": "..."}`.
pub(crate) async fn get_fragment(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let view = view(&shared, query?.0).await?;
    Ok(Json(json!({ "html": html::fragment(&view) })))
}

/// How the page looks.
pub(crate) async fn get_style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page/page.css"))
}

/// How the page stays fresh.
pub(crate) async fn get_script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page/page.js"))
}

async fn view(shared: &Shared, query: PageQuery) -> Result<View, Problem> {
    if query.q.len() > FILTER_LEN_MAX {
        return Err(Problem::field("q", format!("more than {FILTER_LEN_MAX} bytes")));
    }
    let filter = query.q.trim().to_owned();
    let rows = newest(shared, &filter).await;
    let faults = shared.faults().iter().map(|(rule, hits)| fault_view(rule, hits)).collect();
    Ok(View { filter, rows, stats: Stats::read(shared), faults })
}

fn fault_view(rule: &crate::faults::FaultRule, hits: u64) -> FaultView {
    let mut fields = match serde_json::to_value(rule) {
        Ok(Value::Object(fields)) => fields.into_iter().collect::<BTreeMap<_, _>>(),
        _ => BTreeMap::new(),
    };
    fields.remove("name");
    FaultView { name: rule.name.clone(), rule: json!(fields).to_string(), hits }
}

/// The newest messages that fit, newest first. Looks through all that is kept, in slices.
async fn newest(shared: &Shared, filter: &str) -> Vec<(u64, Arc<Message>)> {
    let fits =
        |message: &Message| filter.is_empty() || message.address.contains(filter) || message.app_id.contains(filter);
    let (mut rows, mut before) = (Vec::new(), Some(u64::MAX));
    while let (Some(from), true) = (before, rows.len() < ROWS_MAX) {
        let look = Look { take_max: ROWS_MAX - rows.len(), ..LOOK };
        let slice = shared.store().messages().backward(from, look, fits);
        rows.extend(slice.found);
        before = slice.next;
        tokio::task::yield_now().await;
    }
    rows
}
