//! Spellings: all of one address have one normal form and one key, and what can't be read is refused.

use proptest::prelude::*;

use super::*;

/// Reads an address of an app without a default country; the text that is dispatched to, and the key.
fn known(channel: Channel, text: &str) -> Result<(String, String), InvalidAddress> {
    numbered(channel, text, Numbering::Unknown)
}

fn numbered(channel: Channel, text: &str, numbering: Numbering) -> Result<(String, String), InvalidAddress> {
    read(channel, text, numbering).map(|(address, key)| (address.as_str().to_owned(), key.as_str().to_owned()))
}

fn of(country: &str) -> Numbering {
    Numbering::Of(country.parse().unwrap())
}

#[test]
fn spellings_of_a_number_are_one() {
    for (normal, spellings) in [
        (
            "+12065550100",
            &[
                "+12065550100",
                "0012065550100",
                "+0012065550100",
                "00 1 206 555 0100",
                "+1 (206) 555-0100",
                "+1.206.555.0100",
                "+1 1 206 555 0100",
                " (+1) 206/555\u{2011}0100 ",
                "\u{202A}+1\u{A0}206\u{A0}555\u{A0}0100\u{202C}",
                "＋１２０６５５５０１００",
                "+١٢٠٦٥٥٥٠١٠٠",
                "+۱۲۰۶۵۵۵۰۱۰۰",
                "+1206\u{200B}5550100",
            ][..],
        ),
        ("+447700900123", &["+447700900123", "+44 (0)7700 900123", "+4407700900123", "0044 (0) 7700 900123"]),
        ("+78125550100", &["+78125550100", "+7 8 812 555 01 00", "007 812 555-01-00"]),
        ("+390612345678", &["+390612345678", "+39 06 1234 5678"]),
        ("+5491112345678", &["+5491112345678", "+54 11 15 1234 5678"]),
    ] {
        for spelling in spellings {
            let expected = Ok((normal.to_owned(), format!("tel:{normal}")));
            assert_eq!(known(Channel::Sms, spelling), expected, "{spelling:?}");
            assert_eq!(numbered(Channel::Voice, spelling, of("GB")), expected, "{spelling:?} in GB");
            assert_eq!(numbered(Channel::Sms, spelling, of("US")), expected, "{spelling:?} in US");
            assert_eq!(numbered(Channel::Sms, spelling, Numbering::International), expected, "{spelling:?}");
        }
    }
}

#[test]
fn a_number_without_its_country_goes_by_the_default_one() {
    for (country, spelling, normal) in [
        ("US", "(206) 555-0100", "+12065550100"),
        ("US", "1-206-555-0100", "+12065550100"),
        ("US", "011 44 7700 900123", "+447700900123"),
        ("GB", "07700 900123", "+447700900123"),
        ("GB", "7700900123", "+447700900123"),
        ("IT", "06 1234 5678", "+390612345678"),
        ("RU", "8 812 555-01-00", "+78125550100"),
    ] {
        let expected = Ok((normal.to_owned(), format!("tel:{normal}")));
        assert_eq!(numbered(Channel::Sms, spelling, of(country)), expected, "{spelling} in {country}");
        assert_eq!(known(Channel::Sms, spelling), Err(InvalidAddress::TelephoneCountry), "{spelling}");
    }
    let carrier = numbered(Channel::Sms, "12065550100", Numbering::International).unwrap();
    assert_eq!(carrier.1, "tel:+12065550100");
    assert!(has_numbering("US".parse().unwrap()));
    assert!(!has_numbering("XX".parse().unwrap()));
}

#[test]
fn what_is_no_number_is_refused() {
    for bad in [
        "+01206555100",
        "+012065550100",
        "+",
        "+1",
        "+12065550",
        "+120655501001",
        "+1234567890123456",
        "+999123456789",
        "++12065550100",
        "1+2065550100",
        "+1 206 555 0100 ext 5",
        "+1-800-FLOWERS",
        "12065550100x",
        "hello",
        "+1206555010½",
        "000",
        "00",
        "tel:+12065550100",
    ] {
        assert_eq!(known(Channel::Sms, bad), Err(InvalidAddress::Telephone), "{bad:?}");
    }
    assert_eq!(known(Channel::Sms, ""), Err(InvalidAddress::Length));
    assert_eq!(known(Channel::Sms, "\u{200B}"), Err(InvalidAddress::Length));
    assert_eq!(known(Channel::Sms, "+1206555\u{0}0100"), Err(InvalidAddress::Control));
    assert_eq!(numbered(Channel::Sms, "555-0100", of("US")), Err(InvalidAddress::Telephone));
    assert_eq!(numbered(Channel::Sms, "02065550100", of("XX")), Err(InvalidAddress::Telephone));
}

#[test]
fn spellings_of_a_mailbox_are_one() {
    for (key, spellings) in [
        (
            "mail:jo@example.com",
            &[
                "jo@example.com",
                "Jo@EXAMPLE.com",
                "\"jo\"@example.com",
                "\"j\\o\"@example.com",
                " jo@example.com\u{FEFF}",
                "j\u{200B}o@example.com",
                "jo@exam\u{AD}ple.com",
                "jo@example\u{3002}com",
                "jo@ＥＸＡＭＰＬＥ.com",
                "\u{202A}jo@example.com\u{202C}",
            ][..],
        ),
        (
            "mail:jo@xn--bcher-kva.example",
            &[
                "jo@bücher.example",
                "jo@bu\u{308}cher.example",
                "jo@BÜCHER.example",
                "jo@XN--BCHER-KVA.EXAMPLE",
                "JO@xn--bcher-kva.example",
                "jo@xn--bcher-kva\u{FF0E}example",
            ],
        ),
        (
            "mail:josé@example.com",
            &[
                "josé@example.com",
                "jose\u{301}@example.com",
                "JOSÉ@example.com",
                "JOSE\u{301}@example.com",
                "\"jose\u{301}\"@example.com",
            ],
        ),
        ("mail:οδοσ@example.com", &["ΟΔΟΣ@example.com", "οδος@example.com", "οδοσ@example.com"]),
        ("mail:\u{1F0}o@example.com", &["\u{1F0}o@example.com", "J\u{30C}O@example.com"]),
        (
            "mail:jo.smith@example.com",
            &["jo.smith@example.com", "\"jo\".smith@example.com", "\"jo.smith\"@example.com"],
        ),
        ("mail:jo smith@example.com", &["\"jo smith\"@example.com", "\"jo\\ smith\"@EXAMPLE.com"]),
        ("mail:jo`x@example.com", &["jo\u{1FEF}x@example.com", "jo`x@example.com"]),
        ("mail:josé@example.com", &["\"jose\\\u{301}\"@example.com"]),
        ("mail:jo..x@example.com", &["jo..x@example.com", "\"jo..x\"@example.com"]),
    ] {
        for spelling in spellings {
            let found = known(Channel::Email, spelling).unwrap_or_else(|reason| panic!("{spelling:?}: {reason}"));
            assert_eq!(found.1, key, "{spelling:?}");
        }
    }
}

#[test]
fn the_case_of_a_local_part_is_kept_for_its_host() {
    assert_eq!(known(Channel::Email, "Jo.Smith@BÜCHER.example").unwrap().0, "Jo.Smith@xn--bcher-kva.example");
    assert_eq!(known(Channel::Email, "\"Jo\"@example.com").unwrap().0, "Jo@example.com");
    assert_eq!(known(Channel::Email, "Jo..x@example.com").unwrap().0, "\"Jo..x\"@example.com");
}

#[test]
fn different_mailboxes_stay_different() {
    let key = |text: &str| known(Channel::Email, text).unwrap().1;
    for (one, other) in [
        ("jo@example.com", "jo+x@example.com"),
        ("jo.x@example.com", "jox@example.com"),
        ("jo@strasse.example", "jo@straße.example"),
        ("jose@example.com", "josé@example.com"),
        ("\"jo@x\"@example.com", "jo@example.com"),
    ] {
        assert_ne!(key(one), key(other), "{one} {other}");
    }
}

#[test]
fn what_is_no_mailbox_is_refused() {
    for bad in [
        "a",
        "@b",
        "a@",
        "a b@c",
        "a@b..c",
        "a@-b",
        "a@b.",
        "a@b_c",
        "a@xn--a",
        "a@b\u{FFFD}c",
        "\"a@b",
        "a\"b@c",
        "\"a\"b@c",
        "(x)a@b",
        "<a@b>",
        "a,b@c",
        "\"\"@b",
        "\"a\u{2003}b\"@c",
        "a@b c",
        "jo＠example.com",
        "jo@[192.0.2.1]",
        "a\\@b",
        "a\u{37E}b@c",
    ] {
        assert_eq!(known(Channel::Email, bad), Err(InvalidAddress::Mailbox), "{bad:?}");
    }
    for bad in ["a@b\u{0}", "a\u{7}@b", "a\u{378}@b.example"] {
        assert_eq!(known(Channel::Email, bad), Err(InvalidAddress::Control), "{bad:?}");
    }
}

#[test]
fn tokens_and_custom_addresses_are_taken_as_they_are() {
    assert_eq!(known(Channel::Gcm, " fGh:APA91b-Q\u{200B} ").unwrap().1, "token:fGh:APA91b-Q");
    assert_eq!(known(Channel::Apns, "00FCAB12").unwrap().1, known(Channel::Apns, "00fcab12").unwrap().1);
    assert_ne!(known(Channel::Gcm, "00FCAB12").unwrap().1, known(Channel::Gcm, "00fcab12").unwrap().1);
    assert_eq!(known(Channel::Custom, " https://example.com/A B ").unwrap().0, "https://example.com/A B");
    assert_eq!(known(Channel::Gcm, "a b"), Err(InvalidAddress::Token));
}

#[test]
fn every_character_has_one_form() {
    let mut taken = 0;
    for c in '\u{21}'..='\u{33FFF}' {
        let Ok((address, key)) = known(Channel::Email, &format!("a{c}@b.example")) else { continue };
        taken += 1;
        assert_eq!(known(Channel::Email, &address), Ok((address, key.clone())), "{c:?}");
        let folded = key.strip_prefix("mail:").unwrap();
        assert_eq!(known(Channel::Email, folded).unwrap().1, key, "{c:?}");
    }
    assert!(taken > 100_000, "{taken}");
}

/// Mailboxes of letters with two cases, marks, invisible characters and signs that matter in local parts.
fn mailbox() -> impl Strategy<Value = String> {
    let local = "[a-zA-Zà-öÀ-ÖάΑ-Ως.ǰJİı\u{30C}\u{301}\u{308}\u{200B}\u{AD}+ßẞ가-각ﬁ' -]{1,12}";
    (local, "[a-zA-Zäöüß]{1,8}(\\.[a-zA-Z]{2,5})?").prop_map(|(local, domain)| format!("\"{local}\"@{domain}"))
}

proptest! {
    #[test]
    fn a_normal_form_is_left_as_it_is(text in mailbox()) {
        let Ok((address, key)) = known(Channel::Email, &text) else { return Ok(()) };
        prop_assert_eq!(known(Channel::Email, &address), Ok((address, key)));
    }

    #[test]
    fn the_key_of_a_mailbox_knows_no_case_and_no_composition(text in mailbox()) {
        let Ok((_, key)) = known(Channel::Email, &text) else { return Ok(()) };
        let decomposed = icu_normalizer::DecomposingNormalizer::new_nfd().normalize(&text).into_owned();
        let upper: String = text.chars().map(|c| {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                // One letter that has another case, and is its lower case again.
                (Some(one), None) if one.to_lowercase().eq(std::iter::once(c)) => one,
                _ => c,
            }
        }).collect();
        for other in [decomposed, upper] {
            let found = known(Channel::Email, &other).map(|(_, key)| key);
            prop_assert_eq!(found, Ok(key.clone()), "{:?} beside {:?}", other, text);
        }
    }

    #[test]
    fn a_number_that_is_read_is_left_as_it_is(digits in "[1-9][0-9]{6,14}") {
        for numbering in [Numbering::International, of("US"), of("GB"), of("AR"), of("IT"), of("BR")] {
            let Ok((address, key)) = numbered(Channel::Sms, &digits, numbering) else { continue };
            prop_assert_eq!(numbered(Channel::Sms, &address, numbering), Ok((address.clone(), key.clone())));
            prop_assert_eq!(known(Channel::Sms, &address), Ok((address, key)));
        }
    }

    #[test]
    fn punctuation_of_numbers_means_nothing(
        number in "\\+1[2-9][0-9]{9}",
        marks in proptest::collection::vec(("[ ().\u{A0}\u{2011}\u{200B}\u{202A}/-]", 0usize..12), 0..6),
    ) {
        let mut spelled: Vec<char> = number.chars().collect();
        for (mark, place) in marks {
            spelled.splice(place.min(spelled.len())..place.min(spelled.len()), mark.chars());
        }
        let spelled: String = spelled.into_iter().collect();
        prop_assert_eq!(known(Channel::Sms, &spelled), known(Channel::Sms, &number), "{:?}", spelled);
    }
}
