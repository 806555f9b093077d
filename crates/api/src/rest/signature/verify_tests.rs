//! Signatures that botocore made, and what becomes of them when anything is changed.

use super::super::super::times::parse_signature_time;
use super::*;
use crate::keys::Key;
use policy::{Grant, Principal};
use proptest::prelude::*;

const VECTORS: &str = include_str!("../../../tests/sigv4/vectors.txt");
const SIGNED_AT: &str = "20260102T030405Z";

struct Vector {
    name: String,
    parts: Parts,
    body: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    VECTORS.split("\n\n").filter(|text| !text.trim().is_empty()).map(vector).collect()
}

fn vector(text: &str) -> Vector {
    let mut request = http::Request::builder();
    let (mut name, mut body) = (String::new(), Vec::new());
    for line in text.lines() {
        match line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "")) {
            ("name", value) => name = value.to_owned(),
            ("target", value) => {
                let (method, target) = value.split_once(' ').unwrap();
                request = request.method(method).uri(target);
            }
            ("header", value) => {
                let (name, value) = value.split_once(": ").unwrap();
                request = request.header(name, value);
            }
            ("body", value) => body = value.as_bytes().to_vec(),
            other => panic!("{other:?}"),
        }
    }
    Vector { name, parts: request.body(()).unwrap().into_parts().0, body }
}

fn named(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).unwrap()
}

fn keys(secret: &str) -> KeyStore {
    let principal = Principal { name: "jo".into() };
    let id = "AKIASIGNALBOXVECTOR1".to_owned();
    KeyStore::new([Key { id, secret: secret.into(), principal, grant: Grant::Everything }]).unwrap()
}

fn scope() -> Scope {
    Scope { regions: ["us-east-1", "ap-southeast-2"].map(|name| RegionId::new(name).unwrap()).into() }
}

fn after(seconds: i64) -> Timestamp {
    let at = parse_signature_time(SIGNED_AT).unwrap();
    Timestamp(at.0.saturating_add_signed(seconds * 1_000))
}

fn check(vector: &Vector, keys: &KeyStore, now: Timestamp) -> Result<(), Denial> {
    let claim = Claim::of(&vector.parts)?;
    let known = known_key(&claim, keys, &scope(), now)?;
    verify(&vector.parts, &body_hash(&vector.body), &claim, &known.key)
}

fn right_keys() -> KeyStore {
    keys("vector/secret+with=signs")
}

fn with_header(mut vector: Vector, name: &'static str, from: &str, to: &str) -> Vector {
    let value = vector.parts.headers[name].to_str().unwrap().replacen(from, to, 1);
    vector.parts.headers.insert(name, value.parse().unwrap());
    vector
}

fn with_target(mut vector: Vector, from: &str, to: &str) -> Vector {
    vector.parts.uri = vector.parts.uri.to_string().replacen(from, to, 1).parse().unwrap();
    vector
}

#[test]
fn what_botocore_signs_is_accepted() {
    assert_eq!(vectors().len(), 12);
    for vector in vectors() {
        assert_eq!(check(&vector, &right_keys(), after(0)), Ok(()), "{}", vector.name);
    }
}

#[test]
fn a_wrong_secret_is_a_mismatch() {
    for vector in vectors() {
        assert_eq!(check(&vector, &keys("other"), after(0)), Err(Denial::Mismatch), "{}", vector.name);
    }
}

#[test]
fn whatever_is_signed_may_not_change() {
    let mut body = named("a body");
    body.body.push(b' ');
    let mut method = named("a plain get");
    method.parts.method = http::Method::DELETE;
    let mut missing = named("more headers");
    missing.parts.headers.remove("x-kit-extra");
    let changed = [
        body,
        method,
        missing,
        with_header(named("a plain get"), "host", "4101", "4102"),
        with_header(named("a body"), "content-type", "json", "text"),
        with_target(named("a query"), "page-size=5", "page-size=50"),
        with_target(named("an encoded id"), "%2F", "/"),
        with_target(named("presigned"), "page-size=1", "page-size=2"),
        with_target(named("presigned"), "X-Amz-Expires=60", "X-Amz-Expires=61"),
    ];
    for vector in changed {
        assert_eq!(check(&vector, &right_keys(), after(0)), Err(Denial::Mismatch), "{}", vector.name);
    }
}

#[test]
fn clocks_may_be_five_minutes_off() {
    let vector = named("a plain get");
    for seconds in [-240, 0, 240, 300] {
        assert_eq!(check(&vector, &right_keys(), after(seconds)), Ok(()), "{seconds}");
    }
    assert!(matches!(check(&vector, &right_keys(), after(301)), Err(Denial::Expired { minutes: 5, .. })));
    assert!(matches!(check(&vector, &right_keys(), after(-301)), Err(Denial::NotYetCurrent { .. })));
    let text = check(&vector, &right_keys(), after(1_200)).unwrap_err().to_string();
    assert_eq!(
        text,
        "Signature expired: 20260102T030405Z is now earlier than 20260102T031905Z (20260102T032405Z - 5 min.)"
    );
}

#[test]
fn presigned_requests_last_as_long_as_they_say() {
    let vector = named("presigned");
    assert_eq!(check(&vector, &right_keys(), after(60)), Ok(()));
    assert!(matches!(check(&vector, &right_keys(), after(61)), Err(Denial::Expired { .. })));
}

#[test]
fn the_scope_is_checked() {
    for (from, to) in [("/us-east-1/", "/sa-east-1/"), ("/aws4_request", "/aws5_request"), ("/20260102/", "/20260103/")]
    {
        let vector = with_header(named("a plain get"), "authorization", from, to);
        assert!(matches!(check(&vector, &right_keys(), after(0)), Err(Denial::Scope(_))), "{to}");
    }
    let unknown = with_header(named("a plain get"), "authorization", "AKIASIGNALBOXVECTOR1", "AKIANOBODY");
    assert_eq!(check(&unknown, &right_keys(), after(0)), Err(Denial::UnknownKey));
    let no_host = with_header(named("a plain get"), "authorization", "host;", "");
    assert_eq!(check(&no_host, &right_keys(), after(0)), Err(Denial::HostNotSigned));
}

#[test]
fn a_request_for_another_service_is_told_which_one_is_not_offered() {
    for service in ["s3", "sms-voice", "ses", "sns"] {
        let vector = with_header(named("a plain get"), "authorization", "/mobiletargeting/", &format!("/{service}/"));
        let denial = check(&vector, &right_keys(), after(0)).unwrap_err();
        assert_eq!(denial, Denial::OtherService(service.to_owned()));
        let text = denial.to_string();
        assert!(text.contains(&format!("'{service}' isn't offered")) && text.contains("'mobiletargeting'"), "{text}");
    }
}

#[test]
fn tokens_of_temporary_keys_are_refused() {
    let mut vector = named("a plain get");
    vector.parts.headers.insert("x-amz-security-token", "FwoTOKEN==".parse().unwrap());
    assert_eq!(check(&vector, &right_keys(), after(0)), Err(Denial::UnknownKey));
}

#[test]
fn a_hash_header_must_be_the_bodys() {
    let mut vector = named("a body");
    let right = hexadecimal(&body_hash(&vector.body));
    vector.parts.headers.insert("x-amz-content-sha256", right.parse().unwrap());
    assert_eq!(check(&vector, &right_keys(), after(0)), Ok(()));
    vector.parts.headers.insert("x-amz-content-sha256", "UNSIGNED-PAYLOAD".parse().unwrap());
    assert_eq!(check(&vector, &right_keys(), after(0)), Err(Denial::BodyHash));
}

#[test]
fn headers_that_are_not_ascii_are_a_mismatch() {
    let mut vector = named("more headers");
    vector.parts.headers.insert("x-kit-extra", http::HeaderValue::from_bytes(b"\xff\xfe").unwrap());
    assert_eq!(check(&vector, &right_keys(), after(0)), Err(Denial::Mismatch));
}

proptest! {
    /// aws-sigv4 trusts its own SDK; what comes from outside must not make it panic.
    #[test]
    fn whatever_comes_is_refused_without_a_panic(
        path in "/[!-~]{0,40}",
        header in "[ -~]{0,40}",
        signed in "[!-+\\--~]{0,40}",
        signature in "[!-+\\--~]{0,70}",
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIASIGNALBOXVECTOR1/20260102/us-east-1/mobiletargeting/aws4_request, \
             SignedHeaders=host;x-extra;{signed}, Signature={signature}"
        );
        let request = http::Request::builder()
            .uri(path)
            .header("host", &header)
            .header("x-extra", &header)
            .header("x-amz-date", SIGNED_AT)
            .header("authorization", authorization)
            .body(());
        if let Ok(request) = request {
            let vector = Vector { name: String::new(), parts: request.into_parts().0, body };
            prop_assert!(check(&vector, &right_keys(), after(0)).is_err());
        }
    }
}
