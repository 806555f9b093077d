//! A trace's decisions. In JSON: a list, each with `t`, `region`, `action`, `scope` and `evidence`.

use monitor::ReplayedDecision;
use serde::Serialize;

use crate::console::{View, table};

/// What the detector would have decided.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct ReplayView {
    decisions: Vec<ReplayedDecision>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    seconds: u64,
}

impl ReplayView {
    /// Makes the view of a trace of so many seconds.
    pub fn new(name: String, seconds: u64, decisions: Vec<ReplayedDecision>) -> ReplayView {
        ReplayView { decisions, name, seconds }
    }
}

impl View for ReplayView {
    fn text(&self) -> String {
        let ReplayView { decisions, name, seconds } = self;
        if decisions.is_empty() {
            return format!("{name}: {seconds} seconds, and nothing to decide");
        }
        let row = |decision: &ReplayedDecision| {
            let ReplayedDecision { t, region, action, scope, weight, hold_s, evidence } = decision;
            let weight = weight.map(|weight| format!(" to {:.0} %", 100.0 * weight));
            let hold = hold_s.map(|hold| format!(" for at least {hold} s"));
            let action = format!("{action}{}{}", weight.unwrap_or_default(), hold.unwrap_or_default());
            [t.to_string(), region.clone(), action, scope.clone(), evidence.clone()]
        };
        table(["SECOND", "REGION", "ACTION", "SCOPE", "EVIDENCE"], decisions.iter().map(row))
    }
}
