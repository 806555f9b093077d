//! The operations that can be allowed, by the names under which callers and operators know them.

use std::fmt;
use std::str::FromStr;

/// An operation of the listeners. The first block is Pinpoint's, under its own names; the second is Signalbox's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is the operation of that name")]
pub enum Action {
    CreateApp,
    GetApp,
    DeleteApp,
    UpdateEmailChannel,
    GetEmailChannel,
    DeleteEmailChannel,
    UpdateSmsChannel,
    GetSmsChannel,
    DeleteSmsChannel,
    UpdateEndpoint,
    GetEndpoint,
    DeleteEndpoint,
    SendMessages,

    PutCustomChannel,
    GetCustomChannel,
    DeleteCustomChannel,
    GetMessage,
    WatchMessage,
    ResolveHeld,
    ListHeld,
    PutOptOut,
    GetOptOut,
    DeleteOptOut,
    ListOptOuts,
    GetPlan,
    GetPlanHistory,
    GetHealth,
    ChangePlan,
    GetClusterStatus,
    ChangeMembers,
    GetAccounting,
}

/// Every action, in the order of the enum.
pub const ACTIONS: [Action; 31] = [
    Action::CreateApp,
    Action::GetApp,
    Action::DeleteApp,
    Action::UpdateEmailChannel,
    Action::GetEmailChannel,
    Action::DeleteEmailChannel,
    Action::UpdateSmsChannel,
    Action::GetSmsChannel,
    Action::DeleteSmsChannel,
    Action::UpdateEndpoint,
    Action::GetEndpoint,
    Action::DeleteEndpoint,
    Action::SendMessages,
    Action::PutCustomChannel,
    Action::GetCustomChannel,
    Action::DeleteCustomChannel,
    Action::GetMessage,
    Action::WatchMessage,
    Action::ResolveHeld,
    Action::ListHeld,
    Action::PutOptOut,
    Action::GetOptOut,
    Action::DeleteOptOut,
    Action::ListOptOuts,
    Action::GetPlan,
    Action::GetPlanHistory,
    Action::GetHealth,
    Action::ChangePlan,
    Action::GetClusterStatus,
    Action::ChangeMembers,
    Action::GetAccounting,
];

impl Action {
    /// Returns the action's name in configuration, refusals and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::CreateApp => "CreateApp",
            Action::GetApp => "GetApp",
            Action::DeleteApp => "DeleteApp",
            Action::UpdateEmailChannel => "UpdateEmailChannel",
            Action::GetEmailChannel => "GetEmailChannel",
            Action::DeleteEmailChannel => "DeleteEmailChannel",
            Action::UpdateSmsChannel => "UpdateSmsChannel",
            Action::GetSmsChannel => "GetSmsChannel",
            Action::DeleteSmsChannel => "DeleteSmsChannel",
            Action::UpdateEndpoint => "UpdateEndpoint",
            Action::GetEndpoint => "GetEndpoint",
            Action::DeleteEndpoint => "DeleteEndpoint",
            Action::SendMessages => "SendMessages",
            Action::PutCustomChannel => "PutCustomChannel",
            Action::GetCustomChannel => "GetCustomChannel",
            Action::DeleteCustomChannel => "DeleteCustomChannel",
            Action::GetMessage => "GetMessage",
            Action::WatchMessage => "WatchMessage",
            Action::ResolveHeld => "ResolveHeld",
            Action::ListHeld => "ListHeld",
            Action::PutOptOut => "PutOptOut",
            Action::GetOptOut => "GetOptOut",
            Action::DeleteOptOut => "DeleteOptOut",
            Action::ListOptOuts => "ListOptOuts",
            Action::GetPlan => "GetPlan",
            Action::GetPlanHistory => "GetPlanHistory",
            Action::GetHealth => "GetHealth",
            Action::ChangePlan => "ChangePlan",
            Action::GetClusterStatus => "GetClusterStatus",
            Action::ChangeMembers => "ChangeMembers",
            Action::GetAccounting => "GetAccounting",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says that a text names no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no action")]
pub struct UnknownAction(pub String);

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Action, UnknownAction> {
        ACTIONS.into_iter().find(|action| action.as_str() == text).ok_or_else(|| UnknownAction(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_action() {
        for action in ACTIONS {
            assert_eq!(action.as_str().parse::<Action>().unwrap(), action);
        }
        assert!("createapp".parse::<Action>().is_err());
    }

    #[test]
    fn every_action_is_listed_once_and_in_order() {
        assert!(ACTIONS.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ACTIONS.last(), Some(&Action::GetAccounting));
        assert_eq!(ACTIONS.len(), Action::GetAccounting as usize + 1);
    }
}
