//! What each apply version brought: the one table that says since when a command is there. In goes a command and the
//! version that its group is at; out comes whether it may be applied there.
//!
//! What must always hold: a group's log and rows hold nothing that the oldest build which may still run them doesn't
//! know. So whatever changes what apply does, which members a row has or which commands there are belongs to a new
//! version: it is done in groups that are at it, and in no others. `docs/design/upgrade.md` says what to do for
//! one.

use model::command::Command;
use model::outcome::Outcome;
use model::version::{FIRST, Versions};

use crate::error::ApplyError;

/// The newest apply version that this build knows.
///
/// - 2: [`Command::Fence`]; a group's row says since when it is at its version; what puts an opt-out is answered the one
///   that stands.
/// - 3: plans with weights of an app or a destination, with what is diverted of what goes to a destination, and with
///   what is frozen.
pub const APPLY_VERSION: u32 = 3;
/// The oldest that it still knows.
pub const OLDEST_APPLY_VERSION: u32 = FIRST;
/// The version since which a plan may have more than weights of channels ([`TrafficPlan::has_parts`]).
///
/// [`TrafficPlan::has_parts`]: model::TrafficPlan::has_parts
pub const PLANS_WITH_PARTS: u32 = 3;
/// Both ends.
pub const VERSIONS: Versions = Versions::new(OLDEST_APPLY_VERSION, APPLY_VERSION);

/// The version that brought a command.
fn since(command: &Command) -> u32 {
    match command {
        Command::Fence => 2,
        Command::CommitPlan { change } if change.has_parts() => PLANS_WITH_PARTS,
        Command::AdoptPlan { plan } if plan.has_parts() => PLANS_WITH_PARTS,
        _ => FIRST,
    }
}

/// Says whether a group at a version may be given a command.
///
/// # Errors
/// [`ApplyError::UnsupportedVersion`] when the command, or the version that it raises to, is newer than the build;
/// [`ApplyError::VersionNotReached`] when it is newer than the group.
pub fn admits(known: Versions, group: u32, command: &Command) -> Result<(), ApplyError> {
    let needed = match command {
        Command::SetApplyVersion { version } => *version,
        command => since(command),
    };
    if needed > known.newest() {
        return Err(ApplyError::UnsupportedVersion { found: needed, known });
    }
    let raises = matches!(command, Command::SetApplyVersion { .. });
    if !raises && needed > group.max(FIRST) {
        return Err(ApplyError::VersionNotReached { command: command.name(), needed, group: group.max(FIRST) });
    }
    Ok(())
}

/// Returns an outcome as a group at a version answers it: one that came later is what the older builds say, because it
/// may be stored with a request, and goes back through listeners of older builds.
pub(crate) fn answered(group: u32, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::OptOut(_) | Outcome::ListedOptOut(_) if group < 2 => Outcome::Done,
        other => other,
    }
}

/// Says whether this build may apply entries of a group, by the version that its row names.
///
/// # Errors
/// [`ApplyError::UnsupportedVersion`] when it is too old or too new for it.
pub fn known(known: Versions, version: u32) -> Result<(), ApplyError> {
    match known.know(version) {
        true => Ok(()),
        false => Err(ApplyError::UnsupportedVersion { found: version.max(FIRST), known }),
    }
}

/// Returns the command that changes nothing and is proposed to be fenced, in a group at a version.
pub fn fence(version: u32) -> Command {
    match version >= since(&Command::Fence) {
        true => Command::Fence,
        false => Command::SetApplyVersion { version: 0 },
    }
}
