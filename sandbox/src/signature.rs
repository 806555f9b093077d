//! Signing what is posted, by Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`. Knows no clock.

use std::fmt;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// A secret to sign with. `Debug` shows nothing of it.
#[derive(Clone)]
pub(crate) struct SigningSecret(Box<[u8]>);

/// Says that a text is no secret; holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ and base64")]
pub struct InvalidSecret;

impl SigningSecret {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| !encoded.is_empty()).ok_or(InvalidSecret)?;
        STANDARD.decode(encoded).map(|bytes| Self(bytes.into())).map_err(|_| InvalidSecret)
    }

    /// Returns the value of `webhook-signature` for a body.
    pub(crate) fn sign(&self, id: &str, timestamp_s: u64, body: &[u8]) -> HeaderValue {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        let text = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        HeaderValue::from_str(&text).expect("base64 is ASCII")
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_published_example() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?"] {
            assert!(SigningSecret::parse(bad).is_err(), "{bad}");
        }
    }
}
