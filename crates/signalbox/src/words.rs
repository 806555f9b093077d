//! The contract's numbered names as the words that tables and JSON show: lower case with underscores, channels in
//! Pinpoint's capitals.

use wire::v1;

/// What a number that this program doesn't know is called.
const UNKNOWN: &str = "unknown";

/// What stands for "not given".
pub const UNSPECIFIED: &str = "unspecified";

/// Returns a channel's name, such as `SMS`.
pub fn channel(code: i32) -> String {
    let name = full_name::<v1::Channel>(code, v1::Channel::as_str_name);
    name.strip_prefix("CHANNEL_").unwrap_or(name).to_owned()
}

/// Returns how soon somebody must look at an alarm, such as `critical`.
pub fn alarm_severity(code: i32) -> String {
    word::<v1::AlarmSeverity>(code, v1::AlarmSeverity::as_str_name, "ALARM_SEVERITY_")
}

/// Returns a class's name, such as `at_least_once`.
pub fn class(code: i32) -> String {
    word::<v1::Class>(code, v1::Class::as_str_name, "CLASS_")
}

/// Returns the name of what a region does, such as `serving`.
pub fn region_kind(code: i32) -> String {
    word::<v1::RegionKind>(code, v1::RegionKind::as_str_name, "REGION_KIND_")
}

/// Returns the name of what the plan lets a region do, such as `active`.
pub fn region_state(code: i32) -> String {
    word::<v1::RegionState>(code, v1::RegionState::as_str_name, "REGION_STATE_")
}

/// Returns what a finding advises, such as `shift`.
pub fn health_advice(code: i32) -> String {
    word::<v1::HealthAdvice>(code, v1::HealthAdvice::as_str_name, "HEALTH_ADVICE_")
}

/// Returns a mode's name, such as `active_active`.
pub fn mode(code: i32) -> String {
    word::<v1::Mode>(code, v1::Mode::as_str_name, "MODE_")
}

/// Returns the name of where a message stands, such as `delivered`.
pub fn status(code: i32) -> String {
    word::<v1::Status>(code, v1::Status::as_str_name, "STATUS_")
}

/// Returns the name of what became of a recipient, such as `accepted`.
pub fn send_status(code: i32) -> String {
    word::<v1::SendStatus>(code, v1::SendStatus::as_str_name, "SEND_STATUS_")
}

/// Returns the name of what happened to a message, such as `sent`.
pub fn event_kind(code: i32) -> String {
    word::<v1::EventKind>(code, v1::EventKind::as_str_name, "EVENT_KIND_")
}

/// Returns the name of where an opt-out came from, such as `reply`.
pub fn opt_out_source(code: i32) -> String {
    word::<v1::OptOutSource>(code, v1::OptOutSource::as_str_name, "OPT_OUT_SOURCE_")
}

/// Returns the name of an endpoint's status, such as `active`.
pub fn endpoint_status(code: i32) -> String {
    word::<v1::EndpointStatus>(code, v1::EndpointStatus::as_str_name, "ENDPOINT_STATUS_")
}

/// Returns the name of an endpoint's opt-out, such as `all`.
pub fn endpoint_opt_out(code: i32) -> String {
    word::<v1::EndpointOptOut>(code, v1::EndpointOptOut::as_str_name, "ENDPOINT_OPT_OUT_")
}

/// Returns the word unless it stands for "not given".
pub fn given(word: String) -> Option<String> {
    (word != UNSPECIFIED).then_some(word)
}

fn word<E: TryFrom<i32>>(code: i32, name: fn(&E) -> &'static str, prefix: &str) -> String {
    let name = full_name(code, name);
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

fn full_name<E: TryFrom<i32>>(code: i32, name: fn(&E) -> &'static str) -> &'static str {
    E::try_from(code).map_or(UNKNOWN, |value| name(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_prefix() {
        assert_eq!(channel(v1::Channel::ApnsVoipSandbox as i32), "APNS_VOIP_SANDBOX");
        assert_eq!(region_state(v1::RegionState::Evacuated as i32), "evacuated");
        assert_eq!(send_status(v1::SendStatus::OptedOut as i32), "opted_out");
        assert_eq!(mode(v1::Mode::ActiveActive as i32), "active_active");
        assert_eq!(endpoint_opt_out(v1::EndpointOptOut::All as i32), "all");
    }

    #[test]
    fn what_is_not_given_or_not_known_is_said() {
        assert_eq!(given(class(0)), None);
        assert_eq!(given(class(2)).as_deref(), Some("at_most_once"));
        assert_eq!(status(99), "unknown");
    }
}
