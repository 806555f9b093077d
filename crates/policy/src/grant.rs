//! Principals, what they were granted, and the decision.

use std::collections::BTreeSet;
use std::fmt;

use crate::action::Action;

/// Who calls: a person or a program, by the name of its key. The name goes into plans, histories and logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    /// The name; unique among the keys of a cluster.
    pub name: String,
}

/// What a principal may do. Whatever isn't granted is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Grant {
    Everything,
    /// No action; the key is valid and useless.
    Nothing,
    /// These actions alone.
    Actions(BTreeSet<Action>),
}

/// Says that a principal may not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{principal} is not allowed to perform {action}")]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub struct Denied {
    pub principal: Principal,
    pub action: Action,
}

impl Grant {
    /// Says whether the grant holds an action.
    pub fn allows(&self, action: Action) -> bool {
        match self {
            Grant::Everything => true,
            Grant::Nothing => false,
            Grant::Actions(actions) => actions.contains(&action),
        }
    }
}

/// Decides whether a principal with this grant may perform an action.
///
/// # Errors
/// When the grant doesn't hold it.
pub fn authorize(principal: &Principal, grant: &Grant, action: Action) -> Result<(), Denied> {
    if grant.allows(action) { Ok(()) } else { Err(Denied { principal: principal.clone(), action }) }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ACTIONS;

    fn decide(grant: &Grant, action: Action) -> bool {
        authorize(&Principal { name: "jo".into() }, grant, action).is_ok()
    }

    #[test]
    fn whatever_is_not_granted_is_denied() {
        let reader = Grant::Actions([Action::GetApp, Action::GetAccounting].into());
        for action in ACTIONS {
            assert!(decide(&Grant::Everything, action));
            assert!(!decide(&Grant::Nothing, action));
            assert_eq!(decide(&reader, action), matches!(action, Action::GetApp | Action::GetAccounting));
        }
    }

    #[test]
    fn a_denial_says_who_wanted_what() {
        let denied = authorize(&Principal { name: "jo".into() }, &Grant::Nothing, Action::ChangePlan).unwrap_err();
        assert_eq!(denied.to_string(), "jo is not allowed to perform ChangePlan");
    }
}
