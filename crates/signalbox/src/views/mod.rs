//! What answers look like: our own shapes, stable in JSON, made from the contract's answers, with a text for people.
//! Times are `_ms` numbers in JSON and RFC 3339 in text.

mod accounting;
mod app;
mod config;
mod endpoint;
mod explain;
mod health;
mod message;
mod opt_out;
mod plan;
mod plan_change;
mod replay;
mod send;
mod status;
mod time_leap;
mod version;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::v1;

pub use accounting::AccountingView;
pub use app::{AppView, ChannelView};
pub use config::ConfigView;
pub use endpoint::EndpointView;
pub use explain::ExplainView;
pub use health::HealthView;
pub use message::{EventView, HeldView, MessageView, ResolvedView, UpdateView};
pub use opt_out::{OptOutView, OptOutsView, RemovedOptOutView};
pub use plan::{AdoptionView, HistoryView, PlanView, PlanWithAdoptionView};
pub use plan_change::PlanChangeView;
pub use replay::ReplayView;
pub use send::SendView;
pub use status::{NodesView, StatusView};
pub use time_leap::TimeLeapView;
pub use version::VersionView;

use crate::failure::Failure;

/// Attributes or values of variables.
pub type Lists = BTreeMap<String, Vec<String>>;

/// Takes a part of an answer that the contract promises.
///
/// # Errors
/// `Unfinished` when it is missing: the node is of another version.
pub fn promised<T>(part: Option<T>, name: &str) -> Result<T, Failure> {
    part.ok_or_else(|| Failure::Unfinished(format!("the answer lacks its {name}: is the node of another version?")))
}

/// Writes a time for people.
pub fn time_text(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(&Rfc3339).ok());
    time.unwrap_or_else(|| format!("{ms} ms after 1970"))
}

/// Writes a time for people to the millisecond.
fn precise_time_text(ms: u64) -> String {
    time_text(ms).replace('Z', &format!(".{:03}Z", ms % 1_000))
}

fn lists(values: BTreeMap<String, v1::Values>) -> Lists {
    values.into_iter().map(|(name, values)| (name, values.values)).collect()
}

fn pairs_text(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

fn lists_text(lists: &Lists) -> String {
    let one = |(name, values): (&String, &Vec<String>)| format!("{name}={}", values.join("|"));
    lists.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn or_blank<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
