//! From what a driver says to what is recorded.

use std::time::Duration;

use delivery::retry::{Next, RetryPolicy};
use model::message::{Class, DETAIL_MAX, SendResult};
use model::{Channel, Timestamp};

use crate::driver::DriverResult;

/// The dispatch that a result is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handed {
    pub channel: Channel,
    pub class: Class,
    /// Its number; from 1.
    pub attempt: u32,
    /// When the result came.
    pub now: Timestamp,
    /// Random bits for the jitter.
    pub seed: u64,
}

/// Returns what is recorded. A message whose dispatches are used up fails, also when the outcome of the last is
/// unknown; but one of class `at_most_once` with an unknown outcome is always left to be held. Of a dispatch that did
/// not begin nothing is recorded.
pub(super) fn send_result(handed: Handed, result: DriverResult) -> Option<SendResult> {
    Some(match result {
        DriverResult::Accepted { provider_id } => SendResult::Delivered { provider_id },
        DriverResult::Permanent { detail } => SendResult::Failed { detail: shortened(detail) },
        DriverResult::Throttled { retry_after, detail } => retry(handed, retry_after, detail),
        DriverResult::Temporary { detail } => retry(handed, None, detail),
        DriverResult::Unknown { detail } => unknown(handed, shortened(detail)),
        DriverResult::NotBegun => return None,
    })
}

fn retry(handed: Handed, retry_after: Option<Duration>, detail: String) -> SendResult {
    let detail = shortened(detail);
    match RetryPolicy::for_channel(handed.channel).next(handed.attempt, handed.seed, retry_after) {
        Next::At(wait) => SendResult::Retry { due: handed.now.plus(wait), detail },
        Next::GiveUp => SendResult::Failed { detail },
    }
}

fn unknown(handed: Handed, detail: String) -> SendResult {
    match (RetryPolicy::for_channel(handed.channel).next(handed.attempt, handed.seed, None), handed.class) {
        (Next::At(wait), _) => SendResult::Unknown { due: handed.now.plus(wait), detail },
        (Next::GiveUp, Class::AtMostOnce) => SendResult::Unknown { due: handed.now, detail },
        (Next::GiveUp, Class::AtLeastOnce) => SendResult::Failed { detail },
    }
}

/// Cuts a provider's words to what is kept, and takes out what would break a line.
pub(super) fn shortened(detail: String) -> String {
    if detail.len() <= DETAIL_MAX && !detail.contains(char::is_control) {
        return detail;
    }
    detail.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DETAIL_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn handed(class: Class, attempt: u32) -> Handed {
        Handed { channel: Channel::Sms, class, attempt, now: NOW, seed: 7 }
    }

    fn recorded(handed: Handed, result: DriverResult) -> SendResult {
        send_result(handed, result).unwrap()
    }

    fn detail() -> String {
        "why".to_owned()
    }

    #[test]
    fn failures_that_may_pass_are_tried_again_until_the_attempts_are_used_up() {
        let last = RetryPolicy::for_channel(Channel::Sms).attempts;
        let temporary = || DriverResult::Temporary { detail: detail() };
        assert!(
            matches!(recorded(handed(Class::AtMostOnce, 1), temporary()), SendResult::Retry { due, .. } if due > NOW)
        );
        assert_eq!(recorded(handed(Class::AtMostOnce, last), temporary()), SendResult::Failed { detail: detail() });
        let throttled = DriverResult::Throttled { retry_after: Some(Duration::from_secs(90)), detail: detail() };
        let SendResult::Retry { due, .. } = recorded(handed(Class::AtLeastOnce, 1), throttled) else {
            panic!("no retry")
        };
        assert!(due >= NOW.plus(Duration::from_secs(90)));
    }

    #[test]
    fn an_unknown_outcome_of_an_at_most_once_message_is_always_said() {
        let last = RetryPolicy::for_channel(Channel::Sms).attempts;
        let unknown = || DriverResult::Unknown { detail: detail() };
        for attempt in [1, last] {
            let said = recorded(handed(Class::AtMostOnce, attempt), unknown());
            assert!(matches!(said, SendResult::Unknown { .. }), "{said:?}");
        }
        assert!(matches!(recorded(handed(Class::AtLeastOnce, 1), unknown()), SendResult::Unknown { .. }));
        assert_eq!(recorded(handed(Class::AtLeastOnce, last), unknown()), SendResult::Failed { detail: detail() });
    }

    #[test]
    fn details_are_kept_short_and_on_one_line() {
        let long = recorded(handed(Class::AtLeastOnce, 1), DriverResult::Permanent { detail: "ü\n".repeat(500) });
        let SendResult::Failed { detail } = long else { panic!("not failed") };
        assert_eq!(detail.chars().count(), DETAIL_MAX);
        assert!(!detail.contains('\n'));
    }

    #[test]
    fn of_a_dispatch_that_did_not_begin_nothing_is_recorded() {
        assert_eq!(send_result(handed(Class::AtMostOnce, 1), DriverResult::NotBegun), None);
    }
}
