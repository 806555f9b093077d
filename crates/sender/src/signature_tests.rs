//! The published example of Standard Webhooks, and what must not pass.

use model::Timestamp;
use proptest::prelude::*;

use super::*;

/// The example that the specification's libraries are tested with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIMESTAMP: &str = "1614265330";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const AT: Timestamp = Timestamp(1_614_265_330_000);

const OTHER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Checks a callback against secrets, as it came at `received`.
fn check(
    secrets: &[&str],
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    received: Timestamp,
) -> Result<(), NotAuthentic> {
    let header = |name: &str| match name {
        "webhook-id" => Some(id),
        "webhook-timestamp" => Some(timestamp),
        "webhook-signature" => Some(signatures),
        _ => None,
    };
    let secrets: Vec<SigningSecret> = secrets.iter().map(|secret| secret.parse().unwrap()).collect();
    Signed::read(&CallbackHead { header: &header, received })?.verify(&secrets, body)
}

fn sign(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mac = secret.parse::<SigningSecret>().unwrap().mac(id, timestamp, body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[test]
fn the_published_example_passes_and_is_made() {
    assert_eq!(check(&[SECRET], (ID, TIMESTAMP, SIGNATURE), BODY, AT), Ok(()));
    assert_eq!(sign(SECRET, ID, TIMESTAMP, BODY), SIGNATURE);
}

#[test]
fn either_of_two_secrets_and_any_of_several_signatures_pass() {
    let head = (ID, TIMESTAMP, SIGNATURE);
    assert_eq!(check(&[OTHER_SECRET, SECRET], head, BODY, AT), Ok(()));
    assert_eq!(check(&[OTHER_SECRET], head, BODY, AT), Err(NotAuthentic::Signature));
    assert_eq!(check(&[], head, BODY, AT), Err(NotAuthentic::Signature));
    let other = sign(OTHER_SECRET, ID, TIMESTAMP, BODY);
    for signatures in [format!("{other} {SIGNATURE}"), format!("v1a,xyz {SIGNATURE} v1,"), format!(" {SIGNATURE}")] {
        assert_eq!(check(&[SECRET], (ID, TIMESTAMP, &signatures), BODY, AT), Ok(()), "{signatures}");
    }
    let late = format!("{}{SIGNATURE}", format!("{other} ").repeat(SIGNATURES_MAX));
    assert_eq!(check(&[SECRET], (ID, TIMESTAMP, &late), BODY, AT), Err(NotAuthentic::Signature));
}

#[test]
fn the_time_is_a_number_near_now() {
    let (tolerance, head) = (TOLERANCE.as_millis() as u64, (ID, TIMESTAMP, SIGNATURE));
    for (received, wanted) in [
        (AT.0 - tolerance, Ok(())),
        (AT.0 + tolerance, Ok(())),
        (AT.0 - tolerance - 1_000, Err(NotAuthentic::Time)),
        (AT.0 + tolerance + 1_000, Err(NotAuthentic::Time)),
        (0, Err(NotAuthentic::Time)),
        (u64::MAX, Err(NotAuthentic::Time)),
    ] {
        assert_eq!(check(&[SECRET], head, BODY, Timestamp(received)), wanted, "{received}");
    }
    for timestamp in ["", "x", "+1614265330", "-1", " 1614265330", "1614265330.0", "99999999999999999999"] {
        let signature = sign(SECRET, ID, timestamp, BODY);
        let refused = check(&[SECRET], (ID, timestamp, &signature), BODY, AT);
        assert_eq!(refused, Err(NotAuthentic::Header("webhook-timestamp")), "{timestamp}");
    }
}

#[test]
fn an_id_can_not_run_into_the_time() {
    for id in ["", "a.b", "a b", "ä", &"x".repeat(ID_LEN_MAX + 1)] {
        let signature = sign(SECRET, id, TIMESTAMP, BODY);
        let refused = check(&[SECRET], (id, TIMESTAMP, &signature), BODY, AT);
        assert_eq!(refused, Err(NotAuthentic::Header("webhook-id")), "{id}");
    }
}

#[test]
fn a_missing_header_is_named() {
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let header = |name: &str| (name != missing).then_some(TIMESTAMP);
        let read = Signed::read(&CallbackHead { header: &header, received: AT });
        assert_eq!(read.map(|_| ()), Err(NotAuthentic::Header(missing)));
    }
}

#[test]
fn a_secret_is_read_strictly_and_never_printed() {
    let short = format!("whsec_{}", STANDARD.encode([7; 23]));
    let long = format!("whsec_{}", STANDARD.encode([7; 65]));
    for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64!", &short, &long] {
        assert_eq!(bad.parse::<SigningSecret>(), Err(InvalidSecret), "{bad}");
    }
    assert_eq!(format!("{:?}", SECRET.parse::<SigningSecret>().unwrap()), "SigningSecret");
}

proptest! {
    /// What was signed passes; one bit of anything changed doesn't.
    #[test]
    fn one_changed_bit_is_noticed(
        id in "[a-zA-Z0-9_-]{1,40}", body in proptest::collection::vec(any::<u8>(), 0..200),
        place in any::<prop::sample::Index>(), bit in 0..8_u32, part in 0..3_usize,
    ) {
        let signature = sign(SECRET, &id, TIMESTAMP, &body);
        prop_assert_eq!(check(&[SECRET], (&id, TIMESTAMP, &signature), &body, AT), Ok(()));
        let mut parts = [id.into_bytes(), body, STANDARD.decode(&signature[3..]).unwrap()];
        if parts[part].is_empty() {
            return Ok(());
        }
        let at = place.index(parts[part].len());
        parts[part][at] ^= 1 << bit;
        let [id, body, tag] = parts;
        let Ok(id) = String::from_utf8(id) else { return Ok(()) };
        let signature = format!("v1,{}", STANDARD.encode(tag));
        prop_assert!(check(&[SECRET], (&id, TIMESTAMP, &signature), &body, AT).is_err());
    }

    /// Whatever comes as a head and a body, nothing that wasn't signed passes, and nothing panics.
    #[test]
    fn garbage_is_refused(id in ".*", timestamp in ".*", signatures in ".*", body in ".*", received in any::<u64>()) {
        let head = (id.as_str(), timestamp.as_str(), signatures.as_str());
        prop_assert!(check(&[SECRET], head, body.as_bytes(), Timestamp(received)).is_err());
    }
}
