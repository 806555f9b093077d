//! Signatures of callbacks, by Standard Webhooks 1.0: HMAC-SHA256 with a shared secret over `id.timestamp.body`.
//!
//! In flow a callback's head, its body and the time at which it came; out flows nothing or a reason, which the caller
//! of the listener never sees. What must always hold: a callback passes only when one of the secrets made one of its
//! signatures over exactly this id, this time and this body, and when that time is at most [`TOLERANCE`] away. Knows no
//! clock and does no IO.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use service::ports::CallbackHead;
use sha2::Sha256;

/// How far the time of a callback may be from the time at which it comes, before and after: its clock and ours differ,
/// and it may have waited on the way. What is recorded of it is recorded once ([`model::request::REQUEST_KEPT`] is
/// longer), so that sending it again within this time does nothing.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// The largest number of secrets of one driver: the one in use, and the next or the last one while they are changed.
pub const SECRETS_MAX: usize = 2;

/// The longest id of a callback, in bytes.
const ID_LEN_MAX: usize = 256;
/// The largest number of signatures of one callback that are looked at; one for each secret of the provider.
const SIGNATURES_MAX: usize = 8;
/// How long a secret may be, in bytes, as the specification has it.
const SECRET_LEN: std::ops::RangeInclusive<usize> = 24..=64;
/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// What a signature of this kind begins with.
const VERSION_PREFIX: &str = "v1,";

/// A secret that a provider signs with. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Box<[u8]>);

/// Says that a text is no secret; holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ and the base64 of 24 to 64 random bytes: `openssl rand -base64 32` draws them")]
pub struct InvalidSecret;

/// Why a callback isn't taken for its provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAuthentic {
    /// A header is missing, there more than once, or has a wrong form.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// Its time is too far from now.
    #[error("its time is more than {} s away", TOLERANCE.as_secs())]
    Time,
    /// None of its signatures was made with one of the secrets.
    #[error("no signature fits")]
    Signature,
}

/// The head of a callback, as far as it shows without the body.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'c> {
    /// What the provider calls it; the same when it repeats it. 1 to 256 visible ASCII characters without a dot.
    pub id: &'c str,
    timestamp: &'c str,
    signatures: &'c str,
}

impl<'c> Signed<'c> {
    /// Reads a head and checks its time.
    ///
    /// # Errors
    /// All of [`NotAuthentic`] but `Signature`.
    pub fn read(head: &CallbackHead<'c>) -> Result<Signed<'c>, NotAuthentic> {
        let header = |name: &'static str| (head.header)(name).ok_or(NotAuthentic::Header(name));
        let (id, timestamp, signatures) =
            (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
        // With a dot the end of the id couldn't be told from the time.
        let well_formed = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
        if !(1..=ID_LEN_MAX).contains(&id.len()) || !id.bytes().all(well_formed) {
            return Err(NotAuthentic::Header("webhook-id"));
        }
        let malformed = NotAuthentic::Header("webhook-timestamp");
        if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed);
        }
        let sent: u64 = timestamp.parse().map_err(|_| malformed)?;
        if (head.received.0 / 1_000).abs_diff(sent) > TOLERANCE.as_secs() {
            return Err(NotAuthentic::Time);
        }
        Ok(Signed { id, timestamp, signatures })
    }

    /// Checks that one of the secrets signed this head with this body. Compares in constant time.
    ///
    /// # Errors
    /// `Signature` when none did.
    pub fn verify(&self, secrets: &[SigningSecret], body: &[u8]) -> Result<(), NotAuthentic> {
        let signatures: Vec<Vec<u8>> = self
            .signatures
            .split(' ')
            .take(SIGNATURES_MAX)
            .filter_map(|text| STANDARD.decode(text.strip_prefix(VERSION_PREFIX)?).ok())
            .collect();
        let fits = secrets.iter().take(SECRETS_MAX).any(|secret| {
            let mac = secret.mac(self.id, self.timestamp, body);
            signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
        });
        if fits { Ok(()) } else { Err(NotAuthentic::Signature) }
    }
}

impl SigningSecret {
    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl FromStr for SigningSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<SigningSecret, InvalidSecret> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(InvalidSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if SECRET_LEN.contains(&bytes.len()) { Ok(SigningSecret(bytes.into())) } else { Err(InvalidSecret) }
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

impl NotAuthentic {
    /// Returns its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            NotAuthentic::Header(_) => "header",
            NotAuthentic::Time => "time",
            NotAuthentic::Signature => "signature",
        }
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
