//! What goes wrong on purpose: rules, how they are matched, and what they do to a delivery. Pure; the shares are drawn
//! from a seeded generator, one sequence per rule, so that the n-th delivery that fits a rule always draws the same.

mod rule;

pub(crate) use rule::{Action, FailStatus, FaultRule, FaultRules};

use std::time::Duration;

use crate::event::EventKind;
use crate::random::SeededRandom;

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) region: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) app_id: &'a str,
    pub(crate) address: &'a str,
}

/// What is to be done with one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) answer: Answer,
    /// How much later to answer.
    pub(crate) delay: Duration,
    /// The event of an accepted message.
    pub(crate) event: EventKind,
    /// How often that event is sent; 0 when it is lost.
    pub(crate) event_times: u32,
}

/// The answer to one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept,
    Refuse { status: FailStatus, detail: String, retry_after_ms: Option<u64> },
    Hang,
}

impl Verdict {
    /// What happens when no rule has a say.
    pub(crate) const WELL: Self =
        Self { answer: Answer::Accept, delay: Duration::ZERO, event: EventKind::Delivered, event_times: 1 };
}

/// The active rules and how far each has come.
#[derive(Debug)]
pub(crate) struct Faults {
    seed: u64,
    armed: Vec<ArmedRule>,
}

/// A rule with its draw and its count.
#[derive(Debug)]
struct ArmedRule {
    rule: FaultRule,
    random: SeededRandom,
    hits: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, armed: Vec::new() }
    }

    /// Puts these rules in place of all others; draws begin anew.
    pub(crate) fn replace(&mut self, rules: FaultRules) {
        let seed = self.seed;
        let arm = |(index, rule)| ArmedRule { rule, random: SeededRandom::new(seed, index as u64), hits: 0 };
        self.armed = rules.rules.into_iter().enumerate().map(arm).collect();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Each rule as it is now and the deliveries that it hit, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FaultRule, u64)> {
        self.armed.iter().map(|armed| (&armed.rule, armed.hits))
    }

    /// Asks the rules in order. All that hit apply (delays add up to the longest, the last event named counts), and the
    /// first that refuses or hangs has the last word.
    pub(crate) fn judge(&mut self, subject: Subject<'_>) -> Verdict {
        let mut verdict = Verdict::WELL;
        for armed in &mut self.armed {
            if armed.hits(subject) {
                armed.rule.action.apply(&mut verdict);
            }
            if verdict.answer != Answer::Accept {
                break;
            }
        }
        verdict
    }
}

impl ArmedRule {
    fn hits(&mut self, subject: Subject<'_>) -> bool {
        let spent = self.rule.remaining == Some(0);
        if spent || !self.rule.fits(subject) || self.random.per_mille() >= self.rule.share {
            return false;
        }
        if let Some(remaining) = &mut self.rule.remaining {
            *remaining -= 1;
        }
        self.hits += 1;
        true
    }
}

impl FaultRule {
    fn fits(&self, subject: Subject<'_>) -> bool {
        let is = |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|wanted| wanted == actual);
        is(&self.region, subject.region)
            && is(&self.channel, subject.channel)
            && is(&self.app_id, subject.app_id)
            && self.address_contains.as_deref().is_none_or(|part| subject.address.contains(part))
    }
}

impl Action {
    fn apply(&self, verdict: &mut Verdict) {
        match self {
            Self::Fail { status, detail, retry_after_ms } => {
                let detail = detail.clone().unwrap_or_else(|| format!("a fault says {}", status.as_status().name()));
                verdict.answer = Answer::Refuse { status: *status, detail, retry_after_ms: *retry_after_ms };
            }
            Self::Hang {} => verdict.answer = Answer::Hang,
            Self::Delay { ms } => verdict.delay = verdict.delay.max(Duration::from_millis(*ms)),
            Self::LoseEvents {} => verdict.event_times = 0,
            Self::RepeatEvents { times } => verdict.event_times = verdict.event_times.min(1) * times,
            Self::Event { event } => verdict.event = *event,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(rules: Value) -> Faults {
        let mut faults = Faults::new(42);
        faults.replace(FaultRules::from_json(json!({ "rules": rules }).to_string().as_bytes()).unwrap());
        faults
    }

    const SMS: Subject<'static> = Subject { region: "us-east-1", channel: "SMS", app_id: "a", address: "+1555" };

    #[test]
    fn a_rule_hits_only_what_fits_all_of_its_conditions() {
        let mut faults = faults(json!([{"name": "f", "region": "us-east-1", "channel": "SMS", "app_id": "a",
            "address_contains": "55", "action": {"kind": "lose_events"}}]));
        let cases = [
            (SMS, 0),
            (Subject { region: "eu-west-1", ..SMS }, 1),
            (Subject { channel: "EMAIL", ..SMS }, 1),
            (Subject { app_id: "b", ..SMS }, 1),
            (Subject { address: "+1444", ..SMS }, 1),
        ];
        for (subject, event_times) in cases {
            assert_eq!(faults.judge(subject).event_times, event_times, "{subject:?}");
        }
    }

    #[test]
    fn rules_add_up_until_one_refuses() {
        let mut faults = faults(json!([
            {"name": "slow", "action": {"kind": "delay", "ms": 70}},
            {"name": "less slow", "action": {"kind": "delay", "ms": 20}},
            {"name": "bounce", "action": {"kind": "event", "event": "bounced_hard"}},
            {"name": "repeat", "action": {"kind": "repeat_events", "times": 3}},
            {"name": "fail once", "remaining": 1, "action": {"kind": "fail", "status": "throttled", "retry_after_ms": 5}},
            {"name": "after", "action": {"kind": "lose_events"}},
        ]));
        let first = faults.judge(SMS);
        let detail = "a fault says throttled".to_owned();
        assert_eq!(first.answer, Answer::Refuse { status: FailStatus::Throttled, detail, retry_after_ms: Some(5) });
        assert_eq!(first.delay, Duration::from_millis(70));
        let second = faults.judge(SMS);
        assert_eq!((second.answer, second.event, second.event_times), (Answer::Accept, EventKind::BouncedHard, 0));
        assert_eq!(faults.iter().map(|(_, hits)| hits).collect::<Vec<_>>(), [2, 2, 2, 2, 1, 1]);
        assert_eq!(faults.iter().nth(4).unwrap().0.remaining, Some(0));
    }

    #[test]
    fn lost_events_stay_lost_when_repeated() {
        let mut faults = faults(json!([
            {"name": "lose", "action": {"kind": "lose_events"}},
            {"name": "repeat", "action": {"kind": "repeat_events", "times": 3}},
        ]));
        assert_eq!(faults.judge(SMS).event_times, 0);
    }

    #[test]
    fn a_share_hits_about_that_share_and_the_same_deliveries_each_time() {
        let rules = json!([{"name": "f", "channel": "SMS", "share": 300, "action": {"kind": "hang"}}]);
        let hits = |others_between: usize| {
            let mut faults = faults(rules.clone());
            let mut hit_next = || {
                for _ in 0..others_between {
                    faults.judge(Subject { channel: "EMAIL", ..SMS });
                }
                faults.judge(SMS).answer == Answer::Hang
            };
            (0..10_000).map(|_| hit_next()).collect::<Vec<_>>()
        };
        let alone = hits(0);
        let count = alone.iter().filter(|hit| **hit).count();
        assert!((2_800..3_200).contains(&count), "{count}");
        assert_eq!(alone, hits(2), "deliveries that don't fit draw nothing");
    }
}
