//! From what a driver says to what is recorded.

use std::time::Duration;

use delivery::retry::RetryPolicy;
use model::message::{DETAIL_MAX, SendResult};
use model::{Channel, Timestamp};
use traffic::observed::SendOutcome;

use crate::driver::{DriverResult, Fault};

/// The dispatch that a result is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handed {
    pub channel: Channel,
    /// Its number; from 1.
    pub attempt: u32,
    /// When the result came.
    pub now: Timestamp,
    /// Random bits for the jitter.
    pub seed: u64,
}

/// Returns what is recorded. What may pass is tried again; its group ends it when it is no longer worth sending, and
/// holds a message of class `at_most_once` whose outcome is unknown. Of a dispatch that did not begin nothing is
/// recorded.
pub(super) fn send_result(handed: Handed, result: DriverResult) -> Option<SendResult> {
    let due = |retry_after: Option<Duration>| {
        let policy = RetryPolicy::for_channel(handed.channel);
        handed.now.plus(policy.wait(handed.attempt, handed.seed, retry_after))
    };
    Some(match result {
        DriverResult::Accepted { provider_id } => SendResult::Delivered { provider_id },
        DriverResult::Permanent { detail, .. } => SendResult::Failed { detail: shortened(detail) },
        DriverResult::Throttled { retry_after, detail } => {
            SendResult::Retry { due: due(retry_after), detail: shortened(detail) }
        }
        DriverResult::Temporary { detail } => SendResult::Retry { due: due(None), detail: shortened(detail) },
        DriverResult::Unknown { retry_after, detail } => {
            SendResult::Unknown { due: due(retry_after), detail: shortened(detail) }
        }
        DriverResult::NotBegun => return None,
    })
}

/// Returns what health counts of a result; nothing of a dispatch that did not begin.
pub(super) fn outcome(result: &DriverResult) -> Option<SendOutcome> {
    match result {
        DriverResult::Accepted { .. } => Some(SendOutcome::Accepted),
        DriverResult::Throttled { .. } => Some(SendOutcome::Throttled),
        DriverResult::Permanent { fault: Fault::Recipient, .. } => Some(SendOutcome::Rejected),
        DriverResult::Permanent { fault: Fault::Sender, .. }
        | DriverResult::Temporary { .. }
        | DriverResult::Unknown { .. } => Some(SendOutcome::Failed),
        DriverResult::NotBegun => None,
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

    fn handed(attempt: u32) -> Handed {
        Handed { channel: Channel::Sms, attempt, now: NOW, seed: 7 }
    }

    fn recorded(attempt: u32, result: DriverResult) -> SendResult {
        send_result(handed(attempt), result).unwrap()
    }

    fn detail() -> String {
        "why".to_owned()
    }

    #[test]
    fn what_may_pass_is_tried_again_however_often_it_failed() {
        for attempt in [1, 17, 1_000, u32::MAX] {
            let said = recorded(attempt, DriverResult::Temporary { detail: detail() });
            assert!(matches!(said, SendResult::Retry { due, .. } if due > NOW), "{said:?}");
            let said = recorded(attempt, DriverResult::Unknown { retry_after: None, detail: detail() });
            assert!(matches!(said, SendResult::Unknown { due, .. } if due > NOW), "{said:?}");
        }
    }

    #[test]
    fn what_the_provider_asks_for_is_waited() {
        let retry_after = Some(Duration::from_secs(90));
        let asked = NOW.plus(Duration::from_secs(90));
        let throttled = recorded(1, DriverResult::Throttled { retry_after, detail: detail() });
        assert!(matches!(throttled, SendResult::Retry { due, .. } if due >= asked), "{throttled:?}");
        let unknown = recorded(1, DriverResult::Unknown { retry_after, detail: detail() });
        assert!(matches!(unknown, SendResult::Unknown { due, .. } if due >= asked), "{unknown:?}");
    }

    #[test]
    fn details_are_kept_short_and_on_one_line() {
        let long = recorded(1, DriverResult::Permanent { fault: Fault::Recipient, detail: "ü\n".repeat(500) });
        let SendResult::Failed { detail } = long else { panic!("not failed") };
        assert_eq!(detail.chars().count(), DETAIL_MAX);
        assert!(!detail.contains('\n'));
    }

    /// What would be refused from anywhere says nothing of this region; all else that isn't taken does.
    #[test]
    fn only_what_is_the_recipient_s_fault_is_none_of_the_region_s() {
        let permanent = |fault| DriverResult::Permanent { fault, detail: detail() };
        let (throttled, unknown) = (
            DriverResult::Throttled { retry_after: None, detail: detail() },
            DriverResult::Unknown { retry_after: None, detail: detail() },
        );
        for (result, expected) in [
            (DriverResult::Accepted { provider_id: None }, Some(SendOutcome::Accepted)),
            (throttled, Some(SendOutcome::Throttled)),
            (permanent(Fault::Recipient), Some(SendOutcome::Rejected)),
            (permanent(Fault::Sender), Some(SendOutcome::Failed)),
            (DriverResult::Temporary { detail: detail() }, Some(SendOutcome::Failed)),
            (unknown, Some(SendOutcome::Failed)),
            (DriverResult::NotBegun, None),
        ] {
            assert_eq!(outcome(&result), expected, "{result:?}");
        }
    }

    #[test]
    fn of_a_dispatch_that_did_not_begin_nothing_is_recorded() {
        assert_eq!(send_result(handed(1), DriverResult::NotBegun), None);
    }
}
