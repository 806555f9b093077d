//! What the checks found, as values: the verdict page is made from them.

use super::index::Index;
use super::recovery::Recovery;

/// How many violations are shown of one check.
const SHOWN_MAX: usize = 20;

/// The promises, as docs/promises.md numbers them, and what isn't one but makes them worth something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "docs/promises.md says what each is")]
pub enum Promise {
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    /// The cluster is of use again after the last fault.
    Liveness,
}

/// What came of one check or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It looked at something and found nothing wrong.
    Passed,
    /// It found something wrong.
    Failed,
    /// It found nothing wrong, and could not look at everything.
    NotJudged,
    /// There was nothing to look at.
    NotTested,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's name, which begins with its promise.
    pub check: &'static str,
    /// The promise that it is about.
    pub promise: Promise,
    /// What holds when it passes, in plain words.
    pub title: &'static str,
    /// How many it looked at.
    pub looked_at: u64,
    /// Of what, in the plural.
    pub of: &'static str,
    /// One sentence for each thing that the promise doesn't allow.
    pub violations: Vec<String>,
    /// One sentence for each thing that looks like one and is outside the promise, with the reason.
    pub excused: Vec<String>,
    /// One clause for each thing that could not be judged, with the reason.
    pub unjudged: Vec<String>,
}

/// What all checks found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One for each check, by promise.
    pub findings: Vec<Finding>,
    /// One for each fault, in the order of their beginning.
    pub recoveries: Vec<Recovery>,
}

/// A check: what it is called, and what looks.
pub struct Check {
    pub name: &'static str,
    pub promise: Promise,
    pub title: &'static str,
    pub of: &'static str,
    pub look: fn(&Index<'_>) -> Seen,
}

/// What a check saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub looked_at: u64,
    pub violations: Vec<String>,
    pub excused: Vec<String>,
    pub unjudged: Vec<String>,
}

impl Report {
    /// Returns what came of all checks together: failed if one did, otherwise not judged if one wasn't, and passed only
    /// if one passed.
    pub fn outcome(&self) -> Outcome {
        let any = |outcome: &Outcome| self.findings.iter().any(|finding| finding.outcome() == *outcome);
        [Outcome::Failed, Outcome::NotJudged, Outcome::Passed].into_iter().find(any).unwrap_or(Outcome::NotTested)
    }

    /// Says whether something was tested, nothing failed, and everything could be judged.
    pub fn passed(&self) -> bool {
        self.outcome() == Outcome::Passed
    }

    /// Returns the findings of one promise.
    pub fn of(&self, promise: Promise) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.promise == promise)
    }

    /// Returns the findings that came out in one way.
    pub fn with(&self, outcome: Outcome) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.outcome() == outcome)
    }
}

impl Finding {
    /// Returns what came of the check. A violation counts even where nothing was to be looked at.
    pub fn outcome(&self) -> Outcome {
        match (self.violations.is_empty(), self.unjudged.is_empty(), self.looked_at) {
            (false, _, _) => Outcome::Failed,
            (true, false, _) => Outcome::NotJudged,
            (true, true, 0) => Outcome::NotTested,
            (true, true, _) => Outcome::Passed,
        }
    }

    /// Returns the first 20 violations, and how many more there are.
    pub fn shown(&self) -> (&[String], usize) {
        shown(&self.violations)
    }

    /// Returns the first 20 of what is excused, and how many more there are.
    pub fn shown_excused(&self) -> (&[String], usize) {
        shown(&self.excused)
    }
}

impl Check {
    /// Looks.
    pub fn find(&self, index: &Index<'_>) -> Finding {
        let Seen { looked_at, violations, excused, unjudged } = (self.look)(index);
        let Check { name, promise, title, of, .. } = *self;
        Finding { check: name, promise, title, looked_at, of, violations, excused, unjudged }
    }
}

fn shown(sentences: &[String]) -> (&[String], usize) {
    let (shown, more) = sentences.split_at(sentences.len().min(SHOWN_MAX));
    (shown, more.len())
}
