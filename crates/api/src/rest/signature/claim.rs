//! What a request says about its signature, in its header or, presigned, in its query.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, request::Parts};
use model::time::Timestamp;
use percent_encoding::percent_decode_str;

use super::super::times::parse_signature_time;
use super::denial::Denial;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The longest time for which a presigned request may be used (AWS: seven days).
const EXPIRES_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The parameters of a presigned query that are no part of the request itself.
const QUERY_PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// A signature with what it was made of, as the request says. Nothing of it is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Claim {
    /// The access key id.
    pub(in super::super) key_id: String,
    /// The day of the scope, `YYYYMMDD`.
    pub(in super::super) day: String,
    /// The region of the scope.
    pub(in super::super) region: String,
    /// The service of the scope.
    pub(in super::super) service: String,
    /// The end of the scope.
    pub(in super::super) terminator: String,
    /// The headers that are signed, in lower case.
    pub(in super::super) signed_headers: Vec<String>,
    /// The signature, in lower-case hexadecimal.
    pub(in super::super) signature: String,
    /// When the request was signed.
    pub(in super::super) time: Timestamp,
    /// The time as written.
    pub(in super::super) time_text: String,
    /// Whether the request carries the token of a temporary key.
    pub(in super::super) has_token: bool,
    /// Where it all stands.
    pub(in super::super) form: Form,
}

/// Where a signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query.
    Query {
        /// For how long after its time the request may be used.
        expires: Duration,
    },
}

impl Claim {
    /// Reads the claim of a request.
    pub(in super::super) fn of(parts: &Parts) -> Result<Claim, Denial> {
        match parts.headers.get(AUTHORIZATION) {
            Some(value) => from_header(value.to_str().map_err(|_| incomplete("Authorization"))?, &parts.headers),
            None => from_query(parts.uri.query().unwrap_or_default()),
        }
    }
}

/// Returns a query without what presigning added to it.
pub(super) fn without_signature(query: &str) -> String {
    let own = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or(pair);
        !QUERY_PARAMETERS.contains(&name)
    });
    own.collect::<Vec<_>>().join("&")
}

fn from_header(text: &str, headers: &HeaderMap) -> Result<Claim, Denial> {
    let rest = text.strip_prefix(ALGORITHM).ok_or(Denial::Missing)?;
    let members: BTreeMap<&str, &str> = rest.split(',').filter_map(|member| member.trim().split_once('=')).collect();
    let member = |name: &'static str| members.get(name).copied().ok_or_else(|| incomplete(name));
    let time =
        headers.get("x-amz-date").and_then(|value| value.to_str().ok()).ok_or_else(|| incomplete("X-Amz-Date"))?;
    claim(
        Raw {
            credential: member("Credential")?,
            signed_headers: member("SignedHeaders")?,
            signature: member("Signature")?,
            time,
        },
        headers.contains_key("x-amz-security-token"),
        Form::Header,
    )
}

fn from_query(query: &str) -> Result<Claim, Denial> {
    let members: BTreeMap<&str, Cow<'_, str>> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| QUERY_PARAMETERS.contains(name))
        .map(|(name, value)| (name, percent_decode_str(value).decode_utf8_lossy()))
        .collect();
    if members.get("X-Amz-Algorithm").map(AsRef::as_ref) != Some(ALGORITHM) {
        return Err(Denial::Missing);
    }
    let member = |name: &'static str| members.get(name).map(AsRef::as_ref).ok_or_else(|| incomplete(name));
    let expires: u64 = member("X-Amz-Expires")?.parse().map_err(|_| incomplete("X-Amz-Expires"))?;
    let expires = Duration::from_secs(expires);
    if expires.is_zero() || expires > EXPIRES_MAX {
        return Err(incomplete("X-Amz-Expires"));
    }
    let raw = Raw {
        credential: member("X-Amz-Credential")?,
        signed_headers: member("X-Amz-SignedHeaders")?,
        signature: member("X-Amz-Signature")?,
        time: member("X-Amz-Date")?,
    };
    claim(raw, members.contains_key("X-Amz-Security-Token"), Form::Query { expires })
}

struct Raw<'r> {
    credential: &'r str,
    signed_headers: &'r str,
    signature: &'r str,
    time: &'r str,
}

fn claim(raw: Raw<'_>, has_token: bool, form: Form) -> Result<Claim, Denial> {
    let mut scope = raw.credential.split('/').map(str::to_owned);
    let mut next = || scope.next().filter(|part| !part.is_empty()).ok_or_else(|| incomplete("Credential"));
    let (key_id, day, region, service, terminator) = (next()?, next()?, next()?, next()?, next()?);
    if scope.next().is_some() {
        return Err(incomplete("Credential"));
    }
    Ok(Claim {
        key_id,
        day,
        region,
        service,
        terminator,
        signed_headers: raw.signed_headers.split(';').map(str::to_owned).collect(),
        signature: raw.signature.to_owned(),
        time: parse_signature_time(raw.time).ok_or_else(|| incomplete("X-Amz-Date"))?,
        time_text: raw.time.to_owned(),
        has_token,
        form,
    })
}

fn incomplete(member: &'static str) -> Denial {
    Denial::Incomplete { member }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu-west-1/mobiletargeting/aws4_request, \
                          SignedHeaders=host;x-amz-date, Signature=00ff";

    fn parts(authorization: Option<&str>, uri: &str) -> Parts {
        let mut request = http::Request::builder().uri(uri).header("x-amz-date", "20260102T030405Z");
        if let Some(text) = authorization {
            request = request.header(AUTHORIZATION, text);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_header_is_taken_apart() {
        let claim = Claim::of(&parts(Some(HEADER), "/v1/apps")).unwrap();
        assert_eq!((claim.key_id.as_str(), claim.region.as_str(), claim.form), ("AKIA", "eu-west-1", Form::Header));
        assert_eq!(claim.signed_headers, ["host", "x-amz-date"]);
    }

    #[test]
    fn what_no_signer_says_is_refused() {
        let refused = |authorization: Option<&str>, uri: &str| Claim::of(&parts(authorization, uri)).unwrap_err();
        assert_eq!(refused(None, "/v1/apps"), Denial::Missing);
        assert_eq!(refused(Some("Basic YTpi"), "/v1/apps"), Denial::Missing);
        for (from, to, member) in [
            ("Credential=", "Credentials=", "Credential"),
            ("/aws4_request", "", "Credential"),
            ("/aws4_request", "/aws4_request/more", "Credential"),
            ("eu-west-1", "", "Credential"),
            ("Signature=", "", "Signature"),
            ("SignedHeaders", "Headers", "SignedHeaders"),
        ] {
            assert_eq!(refused(Some(&HEADER.replace(from, to)), "/v1/apps"), Denial::Incomplete { member }, "{from}");
        }
        let query = "/v1/apps?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=9999999";
        assert_eq!(refused(None, query), Denial::Incomplete { member: "X-Amz-Expires" });
    }

    #[test]
    fn presigning_is_taken_off_a_query() {
        assert_eq!(without_signature("a=1&X-Amz-Date=x&b=%20&X-Amz-Signature=y&c"), "a=1&b=%20&c");
        assert_eq!(without_signature("X-Amz-Date=x"), "");
    }
}
