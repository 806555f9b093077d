//! Opt-outs.

use serde::Serialize;
use wire::v1;

use super::time_text;
use crate::console::{View, facts, table};
use crate::words;

/// A recorded opt-out.
#[derive(Debug, Serialize)]
pub struct OptOutView {
    #[serde(skip_serializing_if = "String::is_empty")]
    app_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    opt_out_list: String,
    recipient_key: String,
    channel: String,
    source: String,
    time_ms: u64,
}

/// Opt-outs.
#[derive(Debug, Serialize)]
pub struct OptOutsView {
    opt_outs: Vec<OptOutView>,
}

/// A recipient who is no longer opted out.
#[derive(Debug, Serialize)]
pub struct RemovedOptOutView {
    /// Who.
    pub recipient_key: String,
}

impl From<v1::OptOut> for OptOutView {
    fn from(opt_out: v1::OptOut) -> OptOutView {
        OptOutView {
            app_id: opt_out.app_id,
            opt_out_list: opt_out.opt_out_list,
            recipient_key: opt_out.recipient_key,
            channel: words::channel(opt_out.channel),
            source: words::opt_out_source(opt_out.source),
            time_ms: opt_out.time_ms,
        }
    }
}

impl From<Vec<v1::OptOut>> for OptOutsView {
    fn from(opt_outs: Vec<v1::OptOut>) -> OptOutsView {
        OptOutsView { opt_outs: opt_outs.into_iter().map(OptOutView::from).collect() }
    }
}

impl View for OptOutView {
    fn text(&self) -> String {
        facts([
            ("recipient", self.recipient_key.clone()),
            ("channel", self.channel.clone()),
            ("app", self.app_id.clone()),
            ("list", self.opt_out_list.clone()),
            ("source", self.source.clone()),
            ("since", time_text(self.time_ms)),
        ])
    }
}

impl View for OptOutsView {
    fn text(&self) -> String {
        if self.opt_outs.is_empty() {
            return "no opt-outs".to_owned();
        }
        let row = |opt_out: &OptOutView| {
            [
                opt_out.recipient_key.clone(),
                opt_out.channel.clone(),
                opt_out.source.clone(),
                opt_out.opt_out_list.clone(),
                time_text(opt_out.time_ms),
            ]
        };
        table(["RECIPIENT", "CHANNEL", "SOURCE", "LIST", "SINCE"], self.opt_outs.iter().map(row))
    }
}

impl View for RemovedOptOutView {
    fn text(&self) -> String {
        format!("{} is no longer opted out", self.recipient_key)
    }
}
