//! Proving a claim: the key is known, the scope and the time are right, and signing the request again gives the same
//! signature.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningParams,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::HeaderMap;
use http::request::Parts;
use model::id::RegionId;
use model::time::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::super::times::signature_time;
use super::claim::{Claim, Form, without_signature};
use super::denial::{Denial, SERVICE};
use crate::keys::{Key, KeyStore, KnownKey};

/// How far a signer's clock may be off. AWS's JSON services say 5 minutes in their denials.
const SKEW_MAX: Duration = Duration::from_secs(5 * 60);
const TERMINATOR: &str = "aws4_request";

/// What a signature must be for.
#[derive(Debug, Clone)]
pub(in super::super) struct Scope {
    /// The regions of the cluster: a request may be signed for any of them.
    pub(in super::super) regions: BTreeSet<RegionId>,
}

/// Finds the key of a claim and checks everything that needs no body.
pub(in super::super) fn known_key(
    claim: &Claim,
    keys: &KeyStore,
    scope: &Scope,
    now: Timestamp,
) -> Result<Arc<KnownKey>, Denial> {
    let known = keys.find(&claim.key_id).filter(|_| !claim.has_token).ok_or(Denial::UnknownKey)?;
    if claim.service != SERVICE {
        return Err(Denial::OtherService(claim.service.clone()));
    }
    if !scope.regions.iter().any(|region| region.as_str() == claim.region) {
        return Err(Denial::Scope(format!("a region of this cluster, not '{}'", claim.region)));
    }
    if claim.terminator != TERMINATOR {
        return Err(Denial::Scope(format!("a valid terminator: '{TERMINATOR}'")));
    }
    if claim.time_text.get(..8) != Some(claim.day.as_str()) {
        return Err(Denial::Scope(format!("the day of the signature, not '{}'", claim.day)));
    }
    if !claim.signed_headers.iter().any(|name| name == "host") {
        return Err(Denial::HostNotSigned);
    }
    in_time(claim, now)?;
    Ok(known)
}

fn in_time(claim: &Claim, now: Timestamp) -> Result<(), Denial> {
    let lifetime = match claim.form {
        Form::Header => SKEW_MAX,
        Form::Query { expires } => expires,
    };
    let text = |at: Timestamp| signature_time(at);
    let back = |at: Timestamp, by: Duration| Timestamp(at.0.saturating_sub(by.as_millis() as u64));
    let signed = claim.time_text.clone();
    if claim.time > now.plus(SKEW_MAX) {
        let (limit, minutes) = (text(now.plus(SKEW_MAX)), SKEW_MAX.as_secs() / 60);
        return Err(Denial::NotYetCurrent { signed, limit, now: text(now), minutes });
    }
    if claim.time < back(now, lifetime) {
        let (limit, minutes) = (text(back(now, lifetime)), lifetime.as_secs() / 60);
        return Err(Denial::Expired { signed, limit, now: text(now), minutes });
    }
    Ok(())
}

/// Returns the SHA-256 of a body, as signatures have it.
pub(in super::super) fn body_hash(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// Signs the request again with the key and compares.
pub(in super::super) fn verify(parts: &Parts, hash: &[u8; 32], claim: &Claim, key: &Key) -> Result<(), Denial> {
    let hash = hexadecimal(hash);
    if let Some(given) = parts.headers.get("x-amz-content-sha256")
        && given.as_bytes() != hash.as_bytes()
    {
        return Err(Denial::BodyHash);
    }
    let signature = signature(parts, hash, claim, key).ok_or(Denial::Mismatch)?;
    let same: bool = signature.as_bytes().ct_eq(claim.signature.as_bytes()).into();
    if same { Ok(()) } else { Err(Denial::Mismatch) }
}

/// Returns the signature that the key's holder would have made; nothing when the request has a form that can't be
/// signed.
fn signature(parts: &Parts, body_hash: String, claim: &Claim, key: &Key) -> Option<String> {
    let identity = Credentials::new(&key.id, &key.secret, None, None, "signalbox").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&claim.region)
        .name(&claim.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_millis(claim.time.0))
        .settings(settings(claim.form))
        .build()
        .ok()?;
    let query = match claim.form {
        Form::Header => parts.uri.query().unwrap_or_default().to_owned(),
        Form::Query { .. } => without_signature(parts.uri.query().unwrap_or_default()),
    };
    let separator = if query.is_empty() { "" } else { "?" };
    // The host that is signed is the header's; this one only makes the address complete.
    let address = format!("http://listener{}{separator}{query}", parts.uri.path());
    let headers = signed_headers(&parts.headers, claim)?;
    let headers = headers.iter().map(|(name, value)| (*name, *value));
    let body = SignableBody::Precomputed(body_hash);
    let request = SignableRequest::new(parts.method.as_str(), address, headers, body).ok()?;
    let output = sign(request, &SigningParams::V4(parameters)).ok()?;
    Some(output.signature().to_owned())
}

/// Collects the signed headers as they came. aws-sigv4 adds `x-amz-date` of the header form by itself.
fn signed_headers<'r>(headers: &'r HeaderMap, claim: &'r Claim) -> Option<Vec<(&'r str, &'r str)>> {
    let mut found = Vec::with_capacity(claim.signed_headers.len());
    for name in claim.signed_headers.iter().filter(|name| *name != "x-amz-date") {
        for value in headers.get_all(name.as_str()) {
            found.push((name.as_str(), value.to_str().ok()?));
        }
    }
    found.iter().any(|(name, _)| *name == "host").then_some(found)
}

fn settings(form: Form) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
    settings.excluded_headers = None;
    if let Form::Query { expires } = form {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(expires);
    }
    settings
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
