//! The header of a trace: names, what is normal, and which heartbeats were missing.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;
use traffic::health::{Baselines, DelayCurve, Detector, HealthSettings, Labels};

use super::error::TraceError;

/// The header of a trace. What else the file holds is left alone.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "they are the members of the file, which docs/design/health.md describes")]
pub struct TraceHeader {
    pub name: String,
    /// How many seconds there are.
    pub ticks: u64,
    pub regions: Vec<String>,
    pub carriers: Vec<String>,
    pub customers: Vec<String>,
    pub share: Vec<f64>,
    pub cshare: Vec<f64>,
    /// Messages a second, by region.
    pub normal_rate: Vec<f64>,
    pub baseline: Baseline,
    pub event_cdf_by_age_s: Vec<f64>,
    pub d2_s: usize,
    pub observers: usize,
    #[serde(default)]
    pub heartbeat_missing: Vec<Missing>,
}

/// What usually fails.
#[derive(Debug, Clone, Deserialize)]
pub struct Baseline {
    /// By region.
    pub send_error: Vec<f64>,
    pub no_event_by_d2: f64,
    pub throttle: f64,
}

/// When a region was not heard, and by whom.
#[derive(Debug, Clone, Deserialize)]
pub struct Missing {
    r: usize,
    t0: u64,
    t1: Option<u64>,
    obs: Option<Vec<usize>>,
}

impl TraceHeader {
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// When the file can't be read, or isn't a header.
    pub fn read(file: &Path) -> Result<TraceHeader, TraceError> {
        let opened = File::open(file).map_err(|source| TraceError::Read { file: file.to_owned(), source })?;
        let header: TraceHeader = serde_json::from_reader(BufReader::new(opened))
            .map_err(|source| TraceError::Header { file: file.to_owned(), source })?;
        header.check(file)?;
        Ok(header)
    }

    /// Checks what the detector doesn't.
    fn check(&self, file: &Path) -> Result<(), TraceError> {
        let refuse =
            |field: &str, must: String| Err(TraceError::Field { file: file.to_owned(), field: field.to_owned(), must });
        let regions = self.regions.len();
        for (field, values) in
            [("regions", regions), ("carriers", self.carriers.len()), ("customers", self.customers.len())]
        {
            if values == 0 {
                return refuse(field, "must name at least one".to_owned());
            }
        }
        if self.baseline.send_error.len() != regions {
            let values = self.baseline.send_error.len();
            return refuse("baseline.send_error", format!("has {values} values for {regions} regions"));
        }
        if let Some(missing) = self.heartbeat_missing.iter().find(|missing| missing.r >= regions) {
            return refuse("heartbeat_missing", format!("names region {}, and there are {regions}", missing.r));
        }
        Ok(())
    }

    /// Makes the detector that the trace is about.
    ///
    /// # Errors
    ///
    /// When members of the header don't fit together.
    pub fn detector(&self, file: &Path, settings: HealthSettings) -> Result<Detector, TraceError> {
        let curve = DelayCurve::new(&self.event_cdf_by_age_s)
            .map_err(|source| TraceError::Curve { file: file.to_owned(), source })?;
        let carriers = self.carriers.len();
        let everywhere = |rate: f64| vec![vec![rate; carriers]; self.regions.len()];
        let Baseline { send_error, no_event_by_d2, throttle } = &self.baseline;
        let baselines = Baselines {
            rates: [
                send_error.iter().map(|rate| vec![*rate; carriers]).collect(),
                everywhere(0.0),
                everywhere(*no_event_by_d2),
                everywhere(*throttle),
            ],
            destination_shares: self.share.clone(),
            app_shares: self.cshare.clone(),
            curves: vec![curve; carriers],
            late_after: self.d2_s,
            normal_rates: self.normal_rate.clone(),
        };
        let labels =
            Labels { regions: self.regions.clone(), destinations: self.carriers.clone(), apps: self.customers.clone() };
        Detector::new(settings, labels, baselines, self.observers)
            .map_err(|source| TraceError::Detector { file: file.to_owned(), source })
    }

    /// Says by which observers each region was heard in a second.
    pub fn heard(&self, tick: u64) -> Vec<Vec<bool>> {
        let mut heard = vec![vec![true; self.observers]; self.regions.len()];
        for Missing { r, t0, t1, obs } in &self.heartbeat_missing {
            if tick < *t0 || t1.is_some_and(|t1| tick >= t1) {
                continue;
            }
            for (observer, heard) in heard[*r].iter_mut().enumerate() {
                *heard = *heard && obs.as_ref().is_some_and(|obs| !obs.contains(&observer));
            }
        }
        heard
    }
}
