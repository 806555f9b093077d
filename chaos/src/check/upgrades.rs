//! P2 where builds differ: all replicas hold the same whichever build applied it, and what one build can't read it
//! doesn't touch.

use super::index::Index;
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::Upgrade;

/// No listener says at the end that a replica differs from its own.
pub const REPLICAS_ARE_THE_SAME: Check = Check {
    name: "p2_replicas_are_the_same",
    promise: Promise::P2,
    title: "At the end no replica differs from another",
    of: "listeners",
    look: replicas_are_the_same,
};

/// Once the apply version is raised, the former build ends by itself when it is started, and says what to start
/// instead.
pub const FORMER_BUILD_IS_TURNED_AWAY: Check = Check {
    name: "p2_former_build_is_turned_away",
    promise: Promise::P2,
    title: "After the apply version was raised, a build that doesn't know it ends by itself and says why",
    of: "starts of the former build",
    look: former_build_is_turned_away,
};

/// The alarm of replicas that differ.
const DIFFERS: &str = "replica_differs";
/// What a build says that is too old.
const REMEDY: &str = "start a newer build";

fn replicas_are_the_same(index: &Index<'_>) -> Seen {
    let mut seen = Seen { looked_at: index.history.alarms.len() as u64, ..Seen::default() };
    for listener in &index.history.alarms {
        let differing = listener.alarms.iter().filter(|(name, _)| name == DIFFERS);
        seen.violations.extend(differing.map(|(_, text)| format!("{} says: {text}.", index.name(listener.listener))));
    }
    seen
}

fn former_build_is_turned_away(index: &Index<'_>) -> Seen {
    let mut seen = Seen::default();
    let mut raised = false;
    for step in &index.history.upgrade {
        match step {
            Upgrade::Raised { .. } => raised = true,
            Upgrade::TurnedAway { at_us, region, said } => {
                seen.looked_at += 1;
                if !raised || !said.contains(REMEDY) {
                    let (region, at) = (index.name(*region), seconds(*at_us));
                    seen.violations.push(format!("the former build ended in {region} at {at}, and said: {said}"));
                }
            }
            Upgrade::Ran { at_us, region } => {
                seen.looked_at += 1;
                let (region, at) = (index.name(*region), seconds(*at_us));
                seen.violations.push(format!("the former build was started in {region} and still ran at {at}"));
            }
        }
    }
    seen
}
