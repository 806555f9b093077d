//! What the detector would have done.

use std::path::Path;

use serde::Serialize;
use traffic::health::{Advice, Detector, HealthSettings, Judgement, Part, Restraint};

use super::error::TraceError;
use super::header::TraceHeader;
use super::rows::Rows;

/// A trace on its way through the detector.
pub struct Replay<'a> {
    header: &'a TraceHeader,
    rows: Rows<'a>,
    detector: Detector,
    next: u64,
}

/// A judgement in the words of the trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayedDecision {
    /// The second.
    pub t: u64,
    /// The region's name.
    pub region: String,
    /// `shift`, `return`, `shed` or `hold`.
    pub action: &'static str,
    /// What it is about: `region`, or `carrier:` and its name; for `hold`, why.
    pub scope: String,
    /// The share of its traffic that the region then has; with `return` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// For how many seconds traffic stays away at least; with `shift` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_s: Option<u64>,
    /// What it rests on.
    pub evidence: String,
}

impl<'a> Replay<'a> {
    /// Opens the table beside a header's file, which has its name and ends in `.csv`.
    ///
    /// # Errors
    ///
    /// When the table can't be read, or members of the header don't fit together.
    pub fn open(file: &Path, header: &'a TraceHeader, settings: HealthSettings) -> Result<Replay<'a>, TraceError> {
        let detector = header.detector(file, settings)?;
        let rows = Rows::open(&file.with_extension("csv"), header)?;
        Ok(Replay { header, rows, detector, next: 0 })
    }

    /// Replays a second; nothing after the last one.
    ///
    /// # Errors
    ///
    /// When a line of the table can't be read, or says what can't be.
    pub fn step(&mut self) -> Result<Option<Vec<ReplayedDecision>>, TraceError> {
        if self.next >= self.header.ticks {
            return Ok(None);
        }
        let counted = self.rows.second(self.next)?;
        let judgements = self.detector.step(self.next, &counted, &self.header.heard(self.next));
        self.next += 1;
        Ok(Some(judgements.into_iter().map(|judgement| self.decision(judgement)).collect()))
    }

    fn decision(&self, judgement: Judgement) -> ReplayedDecision {
        let TraceHeader { regions, carriers, customers, .. } = self.header;
        let part = match judgement.part {
            Part::Whole => "region".to_owned(),
            Part::Destination(destination) => format!("carrier:{}", carriers[destination]),
        };
        let (mut weight, mut hold_s) = (None, None);
        let (action, scope) = match judgement.advice {
            Advice::Shift { hold } => {
                hold_s = Some(hold);
                ("shift", part)
            }
            Advice::Return { weight: share } => {
                weight = Some(share);
                ("return", part)
            }
            Advice::Shed { .. } => ("shed", part),
            Advice::Hold(restraint) => {
                let scope = match restraint {
                    Restraint::Common => "common".to_owned(),
                    Restraint::App(app) => format!("customer:{}", customers[app]),
                    Restraint::Downstream(destination) => format!("downstream:{}", carriers[destination]),
                    Restraint::Unproven(destination) => format!("unproven:{}", carriers[destination]),
                };
                ("hold", scope)
            }
        };
        let Judgement { tick, region, evidence, .. } = judgement;
        ReplayedDecision { t: tick, region: regions[region].clone(), action, scope, weight, hold_s, evidence }
    }
}
