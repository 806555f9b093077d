//! What may be wrong with a trace.

use std::path::PathBuf;

use traffic::health::{DelayCurveError, DetectorError};

/// Why a trace can't be replayed: which file, and what in it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum TraceError {
    #[error("failed to read {}", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{} is not the header of a trace", file.display())]
    Header { file: PathBuf, source: serde_json::Error },
    #[error("{} is not a table of counts", file.display())]
    Rows { file: PathBuf, source: csv::Error },
    #[error("{}: {field} {must}", file.display())]
    Field { file: PathBuf, field: String, must: String },
    #[error("{}: event_cdf_by_age_s: {source}", file.display())]
    Curve { file: PathBuf, source: DelayCurveError },
    #[error("{}: the header does not fit together: {source}", file.display())]
    Detector { file: PathBuf, source: DetectorError },
    #[error("{}, line {line}: {what}", file.display())]
    Row { file: PathBuf, line: u64, what: String },
}
