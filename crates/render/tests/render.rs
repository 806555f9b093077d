//! What a recipient reads, for contents of every kind.

use std::sync::Arc;

use model::content::{Content, HEADER_VALUE_MAX, HeaderField, Purpose, SMS_TEXT_MAX, SmsRegistration, Substitutions};
use proptest::prelude::*;
use render::{Part, Prepared, RenderError, Unit, Values, render};

fn sms(text: &str) -> Content {
    let text = text.to_owned();
    let registration = SmsRegistration::default();
    Content::Sms { text, purpose: Purpose::Transactional, origination_number: None, sender_id: None, registration }
}

fn email(subject: &str, html: Option<&str>, text: Option<&str>) -> Content {
    let (html, text) = (html.map(str::to_owned), text.map(str::to_owned));
    let (subject, reply_to, headers) = (subject.to_owned(), Vec::new(), Vec::new());
    Content::Email { subject, html, text, from: None, reply_to, headers }
}

fn values(pairs: &[(&str, &[&str])]) -> Substitutions {
    pairs.iter().map(|(name, list)| ((*name).to_owned(), list.iter().map(|v| (*v).to_owned()).collect())).collect()
}

/// Renders an SMS with values of the recipient alone.
fn text(template: &str, recipient: &Substitutions) -> Result<String, RenderError> {
    let nothing = Substitutions::new();
    match render(&sms(template), Values { recipient, message: &nothing, attributes: &nothing })? {
        Content::Sms { text, .. } => Ok(text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn variables_are_filled_and_unknown_ones_are_omitted() {
    let given = values(&[
        ("name", &["Jo", "Other"]),
        ("empty", &[]),
        ("User.UserAttributes.FirstName", &["Ines"]),
        ("Attributes.Plan", &["gold", "old"]),
        ("first name", &["Bob"]),
        ("größe", &["5"]),
    ]);
    for (template, wanted) in [
        ("Hi {{name}}!", "Hi Jo!"),
        ("{{ name }}{{name.[1]}}{{name.[7]}}", "JoOther"),
        ("{{User.UserAttributes.FirstName}} {{User.UserAttributes.FirstName.[0]}}", "Ines Ines"),
        ("{{Attributes.Plan.[1]}}", "old"),
        ("<{{unknown}}{{a.b.c}}{{empty}}{{User}}{{this}}>", "<>"),
        ("{{[first name]}} {{größe}}", "Bob 5"),
        ("{{! nothing }}{{!-- {{name}} --}}x", "x"),
        (r"\{{name}} is {{name}}", "{{name}} is Jo"),
        ("no tags } { }}", "no tags } { }}"),
    ] {
        assert_eq!(text(template, &given).as_deref(), Ok(wanted), "{template}");
    }
}

#[test]
fn the_recipients_value_wins_over_the_messages_and_that_over_attributes() {
    let recipient = values(&[("a", &["recipient"])]);
    let message = values(&[("a", &["message"]), ("b", &["message"]), ("x.y", &["deep"])]);
    let attributes = values(&[("a", &["attribute"]), ("b", &["attribute"]), ("c", &["attribute"]), ("x", &["flat"])]);
    let all = Values { recipient: &recipient, message: &message, attributes: &attributes };
    let Content::Sms { text, .. } = render(&sms("{{a}} {{b}} {{c}} {{x.y}}"), all).unwrap() else { panic!("no SMS") };
    assert_eq!(text, "recipient message attribute deep");
}

#[test]
fn values_are_escaped_in_html_only() {
    let recipient = values(&[("name", &["<b>\"&"])]);
    let nothing = Substitutions::new();
    let content = email("{{name}}", Some("{{name}} {{{name}}} {{&name}}"), Some("{{name}}"));
    let filled = render(&content, Values { recipient: &recipient, message: &nothing, attributes: &nothing }).unwrap();
    let wanted = email("<b>\"&", Some("&lt;b&gt;&quot;&amp; <b>\"& <b>\"&"), Some("<b>\"&"));
    assert_eq!(filled, wanted);
}

#[test]
fn a_value_is_never_read_as_a_template() {
    assert_eq!(text("{{a}}", &values(&[("a", &["{{b}}"]), ("b", &["no"])])).as_deref(), Ok("{{b}}"));
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    for (template, tag) in [("a {{#if b}}c{{/if}}", "{{#if b}}c{{/if}}"), ("{{upper name}}", "{{upper name}}")] {
        let error = text(template, &Substitutions::new()).unwrap_err();
        assert_eq!(error, RenderError::Unsupported { part: Part::SmsText, tag: tag.to_owned() });
    }
    assert!(matches!(text("{{..}}", &Substitutions::new()), Err(RenderError::Syntax { .. })));
}

#[test]
fn limits_hold_for_what_the_recipient_reads() {
    let long = "ü".repeat(SMS_TEXT_MAX);
    assert_eq!(text("{{a}}", &values(&[("a", &[&long])])).as_deref(), Ok(&*long));
    let too_long = RenderError::TooLong { part: Part::SmsText, limit: SMS_TEXT_MAX, unit: Unit::Characters };
    assert_eq!(text("{{a}}!", &values(&[("a", &[&long])])), Err(too_long.clone()));
    assert_eq!(text(&format!("{long}!"), &Substitutions::new()), Err(too_long.clone()));
    assert_eq!(text("{{a}}{{a}}{{a}}", &values(&[("a", &["x".repeat(4_000).as_str()])])), Err(too_long));
    assert_eq!(text("{{a}}", &Substitutions::new()), Err(RenderError::Empty { part: Part::SmsText }));
    assert!(Prepared::new(email("s", None, None)).is_err());
    let large = "x".repeat(10 * 1024 * 1024);
    assert!(Prepared::new(email("", Some(&large), None)).is_ok());
    assert!(Prepared::new(email("s", Some(&large), None)).is_err());
}

/// An email with one header field.
fn with_header(subject: &str, value: &str) -> Content {
    let Content::Email { html, from, reply_to, .. } = email("", None, None) else { panic!("no email") };
    let headers = vec![HeaderField { name: "X-A".to_owned(), value: value.to_owned() }];
    Content::Email { subject: subject.to_owned(), html, text: Some("t".to_owned()), from, reply_to, headers }
}

#[test]
fn what_becomes_a_header_stays_on_its_line() {
    let nothing = Substitutions::new();
    for line_break in ["a\r\nBcc: b", "a\nb", "a\rb", "a\u{2028}b", "a\u{2029}b", "a\u{85}b", "a\0b"] {
        let recipient = values(&[("v", &[line_break])]);
        let filled =
            |content| render(&content, Values { recipient: &recipient, message: &nothing, attributes: &nothing });
        let breaks = |part| Err(RenderError::BreaksLine { part });
        assert_eq!(filled(with_header("{{v}}", "x")), breaks(Part::Subject), "{line_break:?}");
        assert_eq!(filled(with_header(line_break, "x")), breaks(Part::Subject), "{line_break:?}");
        assert_eq!(filled(with_header("s", "{{v}}")), breaks(Part::Header), "{line_break:?}");
        assert_eq!(filled(with_header("s", line_break)), breaks(Part::Header), "{line_break:?}");
        assert!(filled(email("s", Some("{{v}}"), Some(line_break))).is_ok(), "bodies have lines");
    }
}

#[test]
fn header_fields_are_filled_and_bounded() {
    let nothing = Substitutions::new();
    let filled = |content, value: &str| {
        let recipient = values(&[("v", &[value])]);
        render(&content, Values { recipient: &recipient, message: &nothing, attributes: &nothing })
    };
    assert_eq!(filled(with_header("s", "<https://a.b/{{v}}>"), "17"), Ok(with_header("s", "<https://a.b/17>")));
    assert_eq!(filled(with_header("s", "{{v}}"), "a\tb"), Ok(with_header("s", "a\tb")));
    assert_eq!(filled(with_header("s", "{{v}}"), ""), Err(RenderError::Empty { part: Part::Header }));
    let (long, limit) = ("ü".repeat(HEADER_VALUE_MAX + 1), HEADER_VALUE_MAX);
    let too_long = RenderError::TooLong { part: Part::Header, limit, unit: Unit::Characters };
    assert_eq!(filled(with_header("s", "{{v}}"), &long), Err(too_long));
}

#[test]
fn recipients_of_a_content_without_variables_share_it() {
    let prepared = Prepared::new(sms("same for all")).unwrap();
    let nothing = Substitutions::new();
    let all = Values { recipient: &nothing, message: &nothing, attributes: &nothing };
    assert!(Arc::ptr_eq(&prepared.render(all).unwrap(), &prepared.render(all).unwrap()));
    let raw = Content::RawEmail { data: b"Subject: {{x}}\r\n\r\n{{#if".to_vec(), from: None };
    assert_eq!(render(&raw, all).unwrap(), raw);
}

proptest! {
    #[test]
    fn no_template_panics_or_overflows(template in "[a\\\\ {}\\[\\]()#/.>!\"'~&*-]{0,200}", deep in 0_usize..20_000) {
        // What was parsed is filled: nobody is told that a message goes out which can't be rendered later.
        if let Ok(prepared) = Prepared::new(sms(&template)) {
            let (recipient, nothing) = (values(&[("a", &["b"])]), Substitutions::new());
            let filled = prepared.render(Values { recipient: &recipient, message: &nothing, attributes: &nothing });
            let refused = matches!(filled, Err(RenderError::Syntax { .. } | RenderError::Unsupported { .. }));
            prop_assert!(!refused, "{filled:?}");
        }
        for nested in ["{{a [", "{{a (", "{{#a}}", "{{a {\"b\":", "{{{", "{{a.[", "{{!", "{{a [[", "\\{{"] {
            let _ = Prepared::new(email("s", None, Some(&nested.repeat(deep))));
        }
    }

    #[test]
    fn text_without_tags_is_sent_as_it_is(plain in "[^{]{1,100}") {
        prop_assert_eq!(text(&plain, &Substitutions::new()), Ok(plain));
    }
}

/// A tree as deep as a caller likes would take the stack with it when it is dropped.
#[test]
fn names_of_many_parts_make_no_deep_tree() {
    let deep = format!("{}b", "a.".repeat(200_000));
    let given = values(&[(&deep, &["x"]), ("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", &["sixteen"])]);
    assert_eq!(text("{{v}}ok", &given).as_deref(), Ok("ok"));
    assert_eq!(text("{{a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p}}", &given).as_deref(), Ok("sixteen"));
}
