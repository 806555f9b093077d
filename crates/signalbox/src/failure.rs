//! Why a command failed: each failure says on one line what was wrong, where, and what to do, and has an exit code.

use std::time::Duration;

use tonic::{Code, Status};

/// The exit code of a command that did what it was told.
pub const EXIT_OK: u8 = 0;
/// The exit code of a command that was refused or went wrong.
pub const EXIT_FAILED: u8 = 1;
/// The exit code of a command that was given wrong arguments.
pub const EXIT_USAGE: u8 = 2;
/// The exit code of a command that found nobody to answer.
pub const EXIT_UNREACHABLE: u8 = 3;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts name the fields")]
pub enum Failure {
    /// The arguments contradict each other or aren't enough.
    #[error("{0}")]
    Usage(String),
    /// No listener took the connection.
    #[error("no region answers: {}; is the cluster running? (`--endpoint HOST:PORT` names a gRPC listener)", .tried.join(", "))]
    Unreachable { tried: Vec<String> },
    /// The listener took the request and didn't answer in time.
    #[error(
        "no answer from {endpoint} within {timeout:?}; the request may still be carried out: check before repeating it, \
         wait longer with --timeout, or ask another region with --endpoint"
    )]
    Silent { endpoint: String, timeout: Duration },
    /// The connection broke between request and answer.
    #[error(
        "the connection to {endpoint} broke ({reason}); check whether the request was carried out before repeating it, \
         and that this is a gRPC listener, not a REST listener"
    )]
    Broken { endpoint: String, reason: String },
    /// The cluster answered with an error.
    #[error("{message} ({name}, from {endpoint}){hint}", name = words(*.code))]
    Refused {
        endpoint: String,
        code: Code,
        message: String,
        /// What to do, with its leading `; `; may be empty.
        hint: &'static str,
    },
    /// What was asked was done in part, or its end wasn't seen.
    #[error("{0}")]
    Unfinished(String),
    /// Something on this machine went wrong.
    #[error("{}", one_line(&format!("{:#}", .0)))]
    Local(#[from] anyhow::Error),
    /// The output can't be written.
    #[error("failed to write the output: {0}")]
    Output(#[from] std::io::Error),
}

impl Failure {
    /// Makes sense of an error that a call to `endpoint` ended with.
    pub fn from_status(status: &Status, endpoint: &str, timeout: Duration) -> Failure {
        let endpoint = endpoint.to_owned();
        match (std::error::Error::source(status), status.code()) {
            (_, Code::DeadlineExceeded) => Failure::Silent { endpoint, timeout },
            // The client's own timer answers so.
            (_, Code::Cancelled) if status.message().contains("Timeout") => Failure::Silent { endpoint, timeout },
            (Some(source), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled) => {
                Failure::Broken { endpoint, reason: with_causes(source) }
            }
            (_, code) => {
                let message = if status.message().is_empty() { code.description() } else { status.message() };
                Failure::Refused { endpoint, code, message: one_line(message), hint: hint(code) }
            }
        }
    }

    /// Says something else to do when the failure is a refusal of this kind.
    pub fn hinting(self, when: Code, instead: &'static str) -> Failure {
        match self {
            Failure::Refused { endpoint, code, message, .. } if code == when => {
                Failure::Refused { endpoint, code, message, hint: instead }
            }
            other => other,
        }
    }

    /// Returns the process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => EXIT_USAGE,
            Failure::Unreachable { .. } | Failure::Silent { .. } | Failure::Broken { .. } => EXIT_UNREACHABLE,
            // Whoever read the output has seen enough.
            Failure::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => EXIT_OK,
            Failure::Refused { .. } | Failure::Unfinished(_) | Failure::Local(_) | Failure::Output(_) => EXIT_FAILED,
        }
    }

    /// Says whether the same question may be answered later: nobody did, or the one who was asked can't now.
    pub fn may_pass(&self) -> bool {
        let busy = [Code::Unavailable, Code::ResourceExhausted, Code::DeadlineExceeded];
        let unreachable = self.exit_code() == EXIT_UNREACHABLE;
        unreachable || matches!(self, Failure::Refused { code, .. } if busy.contains(code))
    }

    /// Says whether there is something to tell.
    pub fn is_worth_saying(&self) -> bool {
        self.exit_code() != EXIT_OK
    }
}

/// Puts an error and its causes on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut words: Vec<String> = causes.map(|cause| one_line(&cause.to_string())).collect();
    words.dedup();
    words.join(": ")
}

/// Puts a text on one line.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn hint(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => "; give a key that the cluster knows with --key-id and --secret",
        Code::PermissionDenied => "; use a key that may do this (--key-id, --secret)",
        Code::InvalidArgument => "; correct it and try again",
        Code::Aborted => "; another change came first: look at `signalbox traffic plan` and decide again",
        Code::ResourceExhausted => "; the cluster is busy: try again in a moment",
        Code::Unavailable => "; try again in a moment, or ask another region with --endpoint",
        Code::Unimplemented => "; is this the gRPC listener of a node of this version?",
        Code::Internal | Code::Unknown | Code::DataLoss => "; the node's log says more",
        _ => "",
    }
}

fn words(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown error",
        Code::InvalidArgument => "invalid argument",
        Code::DeadlineExceeded => "deadline exceeded",
        Code::NotFound => "not found",
        Code::AlreadyExists => "already exists",
        Code::PermissionDenied => "permission denied",
        Code::ResourceExhausted => "resource exhausted",
        Code::FailedPrecondition => "failed precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out of range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal error",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_where_and_what_to_do_on_one_line() {
        let status = Status::resource_exhausted("too many\nrequests");
        let failure = Failure::from_status(&status, "127.0.0.1:4201", Duration::from_secs(1));
        assert_eq!(
            failure.to_string(),
            "too many requests (resource exhausted, from 127.0.0.1:4201); the cluster is busy: try again in a moment"
        );
        assert_eq!(failure.exit_code(), EXIT_FAILED);
    }

    #[test]
    fn deadlines_leave_the_outcome_open() {
        let status = Status::deadline_exceeded("");
        let failure = Failure::from_status(&status, "a:1", Duration::from_secs(2));
        assert!(failure.to_string().starts_with("no answer from a:1 within 2s"), "{failure}");
        assert_eq!(failure.exit_code(), EXIT_UNREACHABLE);
    }

    #[test]
    fn what_may_pass_is_asked_again_and_a_wrong_key_is_not() {
        let of = |code| Failure::from_status(&Status::new(code, ""), "a:1", Duration::from_secs(1)).may_pass();
        assert!(of(Code::Unavailable) && of(Code::DeadlineExceeded) && of(Code::ResourceExhausted));
        assert!(!of(Code::Unauthenticated) && !of(Code::InvalidArgument));
        assert!(Failure::Unreachable { tried: Vec::new() }.may_pass());
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit_code(), EXIT_OK);
        assert!(!failure.is_worth_saying());
    }
}
