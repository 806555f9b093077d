//! Why a request's signature isn't accepted, in the words of AWS.

use http::StatusCode;

use super::super::error::RestError;

/// Why a request isn't known to come from the holder of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Denial {
    /// The request isn't signed.
    #[error("Missing Authentication Token")]
    Missing,
    /// A member of the signature is absent or malformed.
    #[error("Authorization is incomplete or malformed: {member}.")]
    Incomplete {
        /// The member.
        member: &'static str,
    },
    /// No such key, or a temporary one.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The signature is for something else.
    #[error("Credential should be scoped to {0}.")]
    Scope(String),
    /// The signature is too old.
    #[error("Signature expired: {signed} is now earlier than {limit} ({now} - {minutes} min.)")]
    Expired {
        /// When the request was signed.
        signed: String,
        /// The oldest time that is accepted.
        limit: String,
        /// The time here.
        now: String,
        /// The tolerance.
        minutes: u64,
    },
    /// The signature comes from the future.
    #[error("Signature not yet current: {signed} is still later than {limit} ({now} + {minutes} min.)")]
    NotYetCurrent {
        /// When the request was signed.
        signed: String,
        /// The latest time that is accepted.
        limit: String,
        /// The time here.
        now: String,
        /// The tolerance.
        minutes: u64,
    },
    /// A header that must be signed isn't.
    #[error("The Host header must be signed.")]
    HostNotSigned,
    /// `x-amz-content-sha256` isn't the hash of the body.
    #[error("The value of x-amz-content-sha256 does not match the body that came.")]
    BodyHash,
    /// The signature is wrong.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method."
    )]
    Mismatch,
}

impl From<Denial> for RestError {
    fn from(denial: Denial) -> RestError {
        let name = match denial {
            Denial::Missing => "MissingAuthenticationTokenException",
            Denial::Incomplete { .. } => "IncompleteSignatureException",
            Denial::UnknownKey => "UnrecognizedClientException",
            Denial::Scope(_)
            | Denial::Expired { .. }
            | Denial::NotYetCurrent { .. }
            | Denial::HostNotSigned
            | Denial::BodyHash
            | Denial::Mismatch => "InvalidSignatureException",
        };
        RestError::new(StatusCode::FORBIDDEN, name, denial.to_string())
    }
}
