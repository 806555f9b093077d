//! Apply versions: which commands a group's log may hold, and which rows its state. A build knows a range of them.
//!
//! A group is at one version; it is raised when every node's build knows the next one, and never lowered. Until then a
//! newer build proposes, stores and answers in that group as the older one does, so that either may run anywhere.

use std::fmt;

/// The apply version of groups that were never raised, and what the first build knew. Rows say 0 for it.
pub const FIRST: u32 = 1;

/// The apply versions that a build knows: all from the oldest to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    oldest: u32,
    newest: u32,
}

impl Versions {
    /// What builds know that say nothing of it.
    pub const UNSAID: Versions = Versions { oldest: FIRST, newest: FIRST };

    /// Makes a range; `oldest` and `newest` count as [`FIRST`] at least, and `newest` as `oldest` at least.
    pub const fn new(oldest: u32, newest: u32) -> Versions {
        let oldest = if oldest < FIRST { FIRST } else { oldest };
        Versions { oldest, newest: if newest < oldest { oldest } else { newest } }
    }

    /// Returns the oldest: a group below it must be raised by an older build first.
    pub fn oldest(self) -> u32 {
        self.oldest
    }

    /// Returns the newest: a group above it needs a newer build.
    pub fn newest(self) -> u32 {
        self.newest
    }

    /// Says whether a group may be at a version, as its row says it.
    pub fn know(self, version: u32) -> bool {
        (self.oldest..=self.newest).contains(&version.max(FIRST))
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oldest == self.newest {
            true => write!(f, "{}", self.newest),
            false => write!(f, "{}-{}", self.oldest, self.newest),
        }
    }
}

/// A node's program, as it says it of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its release, such as `0.1.0`; empty when it says nothing of it. At most [`NAME_MAX`] characters.
    pub name: String,
    /// What it knows.
    pub versions: Versions,
}

/// How long the name of a build may be.
pub const NAME_MAX: usize = 40;

impl Build {
    /// Makes what is known of a build; a name that is too long is cut.
    pub fn new(name: &str, versions: Versions) -> Build {
        Build { name: name.chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect(), versions }
    }

    /// Returns what a build is that says nothing of itself.
    pub fn unsaid() -> Build {
        Build { name: String::new(), versions: Versions::UNSAID }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.name.is_empty() { "an earlier build" } else { &self.name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_says_nothing_is_of_the_first_version() {
        assert!(Versions::UNSAID.know(0) && Versions::UNSAID.know(1) && !Versions::UNSAID.know(2));
        assert!(!Versions::new(2, 3).know(0));
        assert_eq!(Versions::new(0, 0), Versions::UNSAID);
        assert_eq!(Versions::new(3, 2), Versions::new(3, 3));
        assert_eq!((Versions::new(1, 2).to_string(), Versions::new(2, 2).to_string()), ("1-2".into(), "2".into()));
    }

    #[test]
    fn what_a_build_says_of_itself_is_bounded() {
        assert_eq!(Build::new(&"1".repeat(99), Versions::UNSAID).name.len(), NAME_MAX);
        assert_eq!(Build::new("0.1\n", Versions::UNSAID).name, "0.1");
        assert_eq!(Build::unsaid().to_string(), "an earlier build");
    }
}
