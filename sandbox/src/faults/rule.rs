//! A fault rule as it is written in `PUT /v1/faults`, read strictly: a rule that isn't understood is refused, so that
//! no experiment runs without the fault that it is about.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::EventKind;
use crate::message::Status;
use crate::parse::{checked_text, json_body};
use crate::problem::Problem;

/// Rules active together.
const RULES_MAX: usize = 100;
/// Bytes of a rule's name.
const NAME_LEN_MAX: usize = 64;
/// Bytes of a condition or a detail.
const TEXT_LEN_MAX: usize = 512;
/// A share of all, in thousandths.
const SHARE_ALL: u16 = 1000;
/// The longest delay, and the longest wait that may be asked for, in milliseconds.
const DELAY_MAX_MS: u64 = 60_000;
/// The most times one event is sent.
const REPEAT_MAX: u32 = 100;

/// The body of `PUT /v1/faults`: the rules, asked in this order; names are unique.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultRules {
    pub(crate) rules: Vec<FaultRule>,
}

/// When something goes wrong, and what. An absent condition fits everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultRule {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address_contains: Option<String>,
    /// How many of the deliveries that fit are hit, in thousandths.
    #[serde(default = "share_all")]
    pub(crate) share: u16,
    /// How many more deliveries are hit; absent: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remaining: Option<u64>,
    pub(crate) action: Action,
}

/// What goes wrong. The empty braces make serde refuse unknown fields there too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Action {
    /// The delivery is refused.
    Fail {
        status: FailStatus,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// The message is taken at once, and the answer comes this much later.
    Delay { ms: u64 },
    /// The whole request is not taken and gets no answer.
    Hang {},
    /// The message is delivered, and its event never sent.
    LoseEvents {},
    /// The event is sent this many times in all.
    RepeatEvents { times: u32 },
    /// The event is of this kind.
    Event { event: EventKind },
}

/// How a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailStatus {
    TemporaryFailure,
    PermanentFailure,
    Throttled,
}

impl FailStatus {
    /// The same among all that can become of a message.
    pub(crate) const fn as_status(self) -> Status {
        match self {
            Self::TemporaryFailure => Status::TemporaryFailure,
            Self::PermanentFailure => Status::PermanentFailure,
            Self::Throttled => Status::Throttled,
        }
    }
}

impl FaultRules {
    /// Reads the rules.
    /// A problem names the path of the first field that is wrong.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, Problem> {
        let rules: Self = json_body(body)?;
        if rules.rules.len() > RULES_MAX {
            return Err(Problem::field("rules", format!("{} entries, at most {RULES_MAX}", rules.rules.len())));
        }
        let mut names = BTreeSet::new();
        for (index, rule) in rules.rules.iter().enumerate() {
            rule.check(index)?;
            if !names.insert(&rule.name) {
                return Err(Problem::field(format!("rules[{index}].name"), "used by an earlier rule"));
            }
        }
        Ok(rules)
    }
}

impl FaultRule {
    fn check(&self, index: usize) -> Result<(), Problem> {
        let path = |field: &str| format!("rules[{index}].{field}");
        checked_text(|| path("name"), &self.name, NAME_LEN_MAX)?;
        let conditions = [
            ("region", &self.region),
            ("channel", &self.channel),
            ("app_id", &self.app_id),
            ("address_contains", &self.address_contains),
        ];
        for (field, condition) in conditions {
            if let Some(text) = condition {
                checked_text(|| path(field), text, TEXT_LEN_MAX)?;
            }
        }
        if self.share > SHARE_ALL {
            return Err(Problem::field(path("share"), format!("{} of 1000, must be 0 to 1000", self.share)));
        }
        self.action.check(|field| path(&format!("action.{field}")))
    }
}

impl Action {
    fn check(&self, path: impl Fn(&str) -> String) -> Result<(), Problem> {
        match self {
            Self::Fail { detail, retry_after_ms, .. } => {
                checked_range(|| path("retry_after_ms"), retry_after_ms.unwrap_or(0), 0..=DELAY_MAX_MS)?;
                detail.as_deref().map_or(Ok(()), |detail| checked_text(|| path("detail"), detail, TEXT_LEN_MAX))
            }
            Self::Delay { ms } => checked_range(|| path("ms"), *ms, 0..=DELAY_MAX_MS),
            Self::RepeatEvents { times } => checked_range(|| path("times"), *times, 1..=REPEAT_MAX),
            Self::Hang {} | Self::LoseEvents {} | Self::Event { .. } => Ok(()),
        }
    }
}

fn checked_range<N: PartialOrd + std::fmt::Display>(
    field: impl FnOnce() -> String,
    value: N,
    range: std::ops::RangeInclusive<N>,
) -> Result<(), Problem> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Problem::field(field(), format!("{value}, must be {} to {}", range.start(), range.end())))
}

fn share_all() -> u16 {
    SHARE_ALL
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn refuses_what_it_does_not_know_and_names_it() {
        let cases: &[(Value, &[&str])] = &[
            (json!({}), &["missing field `rules`"]),
            (json!({"rules": [], "more": 1}), &["more", "unknown field `more`"]),
            (json!({"rules": [{"name": "f", "regoin": "x", "action": {"kind": "hang"}}]}), &["rules[0]", "`regoin`"]),
            (json!({"rules": [{"name": "f"}]}), &["rules[0]", "missing field `action`"]),
            (json!({"rules": [{"name": "f", "action": {"kind": "explode"}}]}), &["rules[0].action", "`explode`"]),
            (json!({"rules": [{"name": "f", "action": {"kind": "hang", "ms": 1}}]}), &["rules[0].action", "`ms`"]),
            (json!({"rules": [{"name": "f", "action": {"kind": "lose_events", "x": 1}}]}), &["rules[0].action", "`x`"]),
            (json!({"rules": [{"name": "f", "action": {"kind": "fail", "status": "accepted"}}]}), &["`accepted`"]),
            (json!({"rules": [{"name": "f", "action": {"kind": "event", "event": "lost"}}]}), &["`lost`"]),
            (json!({"rules": [{"name": "f", "share": 1001, "action": {"kind": "hang"}}]}), &["rules[0].share: 1001"]),
            (json!({"rules": [{"name": "f", "share": -1, "action": {"kind": "hang"}}]}), &["rules[0].share"]),
            (json!({"rules": [{"name": "", "action": {"kind": "hang"}}]}), &["rules[0].name: must not be empty"]),
            (json!({"rules": [{"name": "f", "action": {"kind": "delay", "ms": 60_001}}]}), &["rules[0].action.ms"]),
            (json!({"rules": [{"name": "f", "action": {"kind": "repeat_events", "times": 0}}]}), &["action.times: 0"]),
            (json!({"rules": vec![json!({"name": "f", "action": {"kind": "hang"}}); 2]}), &["rules[1].name: used"]),
        ];
        for (body, wanted) in cases {
            let problem = FaultRules::from_json(body.to_string().as_bytes()).unwrap_err();
            for part in *wanted {
                assert!(problem.error().contains(part), "{body}: {problem:?} lacks {part}");
            }
        }
    }

    #[test]
    fn what_is_shown_can_be_put_back() {
        let body = json!({"rules": [
            {"name": "a", "region": "r", "channel": "c", "app_id": "x", "address_contains": "y", "share": 5,
             "remaining": 7, "action": {"kind": "fail", "status": "throttled", "detail": "d", "retry_after_ms": 9}},
            {"name": "b", "share": 1000, "action": {"kind": "event", "event": "complaint"}}]});
        let rules = FaultRules::from_json(body.to_string().as_bytes()).unwrap();
        assert_eq!(json!({ "rules": rules.rules }), body);
    }
}
