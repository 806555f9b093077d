//! The frozen keys. A line that has to be changed here strands the opt-outs of those who have such an address.

use super::*;

fn key(channel: Channel, text: &str) -> Result<String, InvalidAddress> {
    Address::normal(channel, text).map(|(_, key)| key.as_str().to_owned())
}

fn mailbox(local: &str, folded: &str, domain: &str) -> Result<(String, String), InvalidAddress> {
    let form = NormalForm::Mailbox(Mailbox { local, folded, domain });
    Address::of(Channel::Email, form).map(|(address, key)| (address.as_str().to_owned(), key.as_str().to_owned()))
}

#[test]
fn keys_are_frozen() {
    for (channel, text, expected) in [
        (Channel::Sms, "+12065550100", "tel:+12065550100"),
        (Channel::Voice, "+12065550100", "tel:+12065550100"),
        (Channel::Email, "Jo@example.com", "mail:jo@example.com"),
        (Channel::Email, "jo@xn--bcher-kva.example", "mail:jo@xn--bcher-kva.example"),
        (Channel::Gcm, "fGh:APA91b-Q", "token:fGh:APA91b-Q"),
        (Channel::Apns, "00FCaB12", "token:00fcab12"),
        (Channel::Apns, "not-Hexadecimal", "token:not-Hexadecimal"),
        (Channel::Custom, "https://example.com/A", "custom:https://example.com/A"),
    ] {
        assert_eq!(key(channel, text).as_deref(), Ok(expected), "{channel} {text}");
    }
}

#[test]
fn a_local_part_is_quoted_where_it_must_be() {
    for (local, folded, text, key) in [
        ("Jo", "jo", "Jo@b.example", "mail:jo@b.example"),
        ("jo smith", "jo smith", "\"jo smith\"@b.example", "mail:jo smith@b.example"),
        ("jo..x", "jo..x", "\"jo..x\"@b.example", "mail:jo..x@b.example"),
        (r#"a"b\c"#, r#"a"b\c"#, r#""a\"b\\c"@b.example"#, r#"mail:a"b\c@b.example"#),
        ("a@b", "a@b", "\"a@b\"@b.example", "mail:a@b@b.example"),
        ("JOSÉ", "josé", "JOSÉ@b.example", "mail:josé@b.example"),
    ] {
        assert_eq!(mailbox(local, folded, "b.example"), Ok((text.to_owned(), key.to_owned())), "{local}");
    }
}

#[test]
fn what_is_not_in_normal_form_is_refused() {
    for bad in ["", "+", "12065550100", "+012065550100", "+1 206", "+1206555010x", "+123456", "+1234567890123456"] {
        assert_eq!(key(Channel::Sms, bad), Err(InvalidAddress::Telephone), "{bad:?}");
    }
    for bad in ["", "a", "@b", "a@", "a@B", "a@b..c", "a@-b", "a@b-", "a@b.", "a@b_c"] {
        assert_eq!(key(Channel::Email, bad), Err(InvalidAddress::Mailbox), "{bad:?}");
    }
    assert_eq!(mailbox("Jo", "Jo", "b"), Err(InvalidAddress::Mailbox));
    assert_eq!(mailbox(&"j".repeat(MAILBOX_MAX), &"j".repeat(MAILBOX_MAX), "b"), Err(InvalidAddress::Mailbox));
    assert_eq!(mailbox("a\u{0}", "a\u{0}", "b"), Err(InvalidAddress::Control));
    for bad in ["", "a b", "a\u{9}"] {
        assert_eq!(key(Channel::Gcm, bad), Err(InvalidAddress::Token), "{bad:?}");
    }
    assert_eq!(key(Channel::Gcm, &"t".repeat(ADDRESS_MAX + 1)), Err(InvalidAddress::Length));
    assert_eq!(key(Channel::Custom, ""), Err(InvalidAddress::Length));
    assert_eq!(Address::of(Channel::Sms, NormalForm::Custom("+12065550100")), Err(InvalidAddress::Telephone));
    assert_eq!(Address::of(Channel::Email, NormalForm::Token("a@b")), Err(InvalidAddress::Mailbox));
}

#[test]
fn the_hash_is_frozen() {
    assert_eq!(stable_hash(b""), mix(0xcbf2_9ce4_8422_2325));
    for (key, partition) in [("tel:+12065550100", 88), ("mail:jo@example.com", 118)] {
        assert_eq!(AddressKey(key.into()).partition(256), GroupId(partition), "{key}");
    }
    let spread: std::collections::BTreeSet<_> =
        (0..200).map(|n| AddressKey(format!("tel:+1206555{n:04}").into()).partition(16)).collect();
    assert_eq!(spread.len(), 16);
}
