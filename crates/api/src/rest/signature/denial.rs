//! Why a request's signature isn't accepted, in the words of AWS.

use http::StatusCode;

use super::super::error::RestError;

/// The name that Pinpoint's requests are signed for.
pub(in super::super) const SERVICE: &str = "mobiletargeting";
/// How much of the name of another service is repeated, in characters.
const OTHER_SERVICE_MAX: usize = 64;

/// Why a request isn't known to come from the holder of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Denial {
    #[error("Missing Authentication Token")]
    Missing,
    #[error("Authorization is incomplete or malformed: {member}.")]
    Incomplete { member: &'static str },
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("Credential should be scoped to {0}.")]
    Scope(String),
    #[error(
        "The service '{}' isn't offered by this server, which is Amazon Pinpoint's. Credential should be scoped to correct \
         service: '{SERVICE}'.",
        shortened(.0)
    )]
    OtherService(String),
    #[error("Signature expired: {signed} is now earlier than {limit} ({now} - {minutes} min.)")]
    Expired { signed: String, limit: String, now: String, minutes: u64 },
    #[error("Signature not yet current: {signed} is still later than {limit} ({now} + {minutes} min.)")]
    NotYetCurrent { signed: String, limit: String, now: String, minutes: u64 },
    #[error("The Host header must be signed.")]
    HostNotSigned,
    #[error("The value of x-amz-content-sha256 does not match the body that came.")]
    BodyHash,
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
            | Denial::OtherService(_)
            | Denial::Expired { .. }
            | Denial::NotYetCurrent { .. }
            | Denial::HostNotSigned
            | Denial::BodyHash
            | Denial::Mismatch => "InvalidSignatureException",
        };
        RestError::new(StatusCode::FORBIDDEN, name, denial.to_string())
    }
}

fn shortened(service: &str) -> String {
    service.chars().take(OTHER_SERVICE_MAX).collect()
}
