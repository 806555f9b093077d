//! What requests say, and what is refused of them.

use model::content::HeaderField;

use super::super::json::parse;
use super::*;

fn request(body: &str) -> MessageRequest {
    parse(body.as_bytes()).unwrap()
}

fn contents(configuration: &str) -> BTreeMap<Channel, Content> {
    let request = request(&format!(r#"{{"MessageConfiguration":{configuration}}}"#));
    let contents = Said::of(&request).unwrap().contents().unwrap();
    contents.into_iter().map(|(channel, content)| (channel, content.content().clone())).collect()
}

fn overridden(said: &Said<'_>, channel: Channel, text: &str) -> Option<Content> {
    let own = Text { member: "Addresses.a.BodyOverride", text };
    said.overridden(channel, own).unwrap().map(|content| content.content().clone())
}

fn refused(configuration: &str) -> String {
    let request = match parse::<MessageRequest>(format!(r#"{{"MessageConfiguration":{configuration}}}"#).as_bytes()) {
        Ok(request) => request,
        Err(error) => return error.message,
    };
    let said = match Said::of(&request) {
        Ok(said) => said,
        Err(error) => return error.message,
    };
    match said.contents().and_then(|_| said.substitutions()) {
        Ok(_) => panic!("{configuration} was taken"),
        Err(error) => error.message,
    }
}

fn sms(text: &str, purpose: Purpose) -> Content {
    let registration = SmsRegistration::default();
    Content::Sms { text: text.into(), purpose, origination_number: None, sender_id: None, registration }
}

fn email(subject: &str, html: Option<&str>, text: Option<&str>) -> Content {
    Content::Email {
        subject: subject.into(),
        html: html.map(str::to_owned),
        text: text.map(str::to_owned),
        from: None,
        reply_to: vec![],
        headers: vec![],
    }
}

#[test]
fn the_default_message_speaks_where_no_other_does() {
    let said = contents(r#"{"DefaultMessage":{"Body":"d"},"SMSMessage":{"Body":"s","MessageType":"PROMOTIONAL"}}"#);
    let wanted = BTreeMap::from([
        (Channel::Sms, sms("s", Purpose::Promotional)),
        (Channel::Email, email("", None, Some("d"))),
        (Channel::Custom, Content::Custom { data: "d".into() }),
    ]);
    assert_eq!(said, wanted);
    let typed = contents(r#"{"DefaultMessage":{"Body":"d"},"SMSMessage":{"MessageType":"PROMOTIONAL"}}"#);
    assert_eq!(typed[&Channel::Sms], sms("d", Purpose::Promotional));
}

#[test]
fn emails_are_simple_or_raw() {
    let simple =
        r#"{"EmailMessage":{"SimpleEmail":{"Subject":{"Data":"s","Charset":"UTF-8"},"HtmlPart":{"Data":"h"}}}}"#;
    assert_eq!(contents(simple), BTreeMap::from([(Channel::Email, email("s", Some("h"), None))]));
    let raw = contents(r#"{"EmailMessage":{"RawEmail":{"Data":"QTogYg=="},"FromAddress":"a@example.com"}}"#);
    let wanted = Content::RawEmail { data: b"A: b".to_vec(), from: Some("a@example.com".into()) };
    assert_eq!(raw, BTreeMap::from([(Channel::Email, wanted)]));
}

#[test]
fn a_recipients_own_body_wins() {
    let request = request(
        r#"{"MessageConfiguration":{"EmailMessage":{"SimpleEmail":{"Subject":{"Data":"s"},"HtmlPart":{"Data":"h"}}}}}"#,
    );
    let said = Said::of(&request).unwrap();
    assert_eq!(overridden(&said, Channel::Email, "own"), Some(email("s", None, Some("own"))));
    assert_eq!(overridden(&said, Channel::Sms, "own"), Some(sms("own", Purpose::Transactional)));
    assert_eq!(overridden(&said, Channel::Gcm, "own"), None);
}

#[test]
fn other_channels_content_is_content() {
    assert_eq!(contents(r#"{"GCMMessage":{"Title":"t","Body":"b"}}"#), BTreeMap::new());
    assert!(refused("{}").starts_with("MessageConfiguration: says nothing"));
    assert!(refused(r#"{"SMSMessage":null}"#).starts_with("MessageConfiguration: says nothing"));
}

#[test]
fn what_is_malformed_is_named() {
    let long = "x".repeat(1_601);
    for (configuration, field) in [
        (r#"{"SMSMessage":{"Body":""}}"#.to_owned(), "SMSMessage.Body"),
        (format!(r#"{{"SMSMessage":{{"Body":"{long}"}}}}"#), "SMSMessage.Body"),
        (r#"{"SMSMessage":{"Body":"b","MessageType":"SPAM"}}"#.to_owned(), "SMSMessage.MessageType"),
        (r#"{"EmailMessage":{"RawEmail":{"Data":"!"}}}"#.to_owned(), "EmailMessage.RawEmail.Data"),
        (r#"{"EmailMessage":{"RawEmail":{"Data":"aGk="}}}"#.to_owned(), "EmailMessage.RawEmail.Data"),
        (r#"{"EmailMessage":{"Body":"b","FromAddress":"x"}}"#.to_owned(), "EmailMessage.FromAddress"),
        (r#"{"EmailMessage":{"Body":"b","ReplyToAddresses":["x"]}}"#.to_owned(), "EmailMessage.ReplyToAddresses"),
    ] {
        assert!(refused(&configuration).starts_with(&format!("{field}: ")), "{}", refused(&configuration));
    }
}

#[test]
fn values_of_variables_must_agree() {
    let both = |sms: &str, email: &str| {
        format!(
            r#"{{"SMSMessage":{{"Body":"b","Substitutions":{{"x":["{sms}"]}}}},
                "EmailMessage":{{"Body":"b","Substitutions":{{"x":["{email}"],"y":["2"]}}}}}}"#
        )
    };
    let request = request(&format!(r#"{{"MessageConfiguration":{}}}"#, both("1", "1")));
    let values = Said::of(&request).unwrap().substitutions().unwrap();
    assert_eq!(values, BTreeMap::from([("x".into(), vec!["1".into()]), ("y".into(), vec!["2".into()])]));
    assert!(refused(&both("1", "2")).starts_with("EmailMessage.Substitutions.x: "));
}

#[test]
fn templates_are_refused_by_name() {
    for template in ["EmailTemplate", "InAppTemplate", "PushTemplate", "SMSTemplate", "VoiceTemplate"] {
        let body = |value: &str| format!(r#"{{"TemplateConfiguration":{{"{template}":{value}}}}}"#);
        let error = parse::<MessageRequest>(body(r#"{"Name":"n"}"#).as_bytes()).unwrap_err();
        assert!(error.message.starts_with(&format!("TemplateConfiguration.{template}: ")), "{}", error.message);
        parse::<MessageRequest>(body("null").as_bytes()).unwrap();
    }
}

#[test]
fn what_is_not_offered_is_refused_by_its_path() {
    for (configuration, path) in [
        (r#"{"SMSMessage":{"Body":"b","MediaUrl":"https://a.b/c"}}"#, "MessageConfiguration.SMSMessage.MediaUrl"),
        (
            r#"{"EmailMessage":{"Body":"b","FeedbackForwardingAddress":"a@b.c"}}"#,
            "MessageConfiguration.EmailMessage.FeedbackForwardingAddress",
        ),
        (
            r#"{"EmailMessage":{"SimpleEmail":{"Subject":{"Data":"s","Charset":"UTF-16"},"TextPart":{"Data":"t"}}}}"#,
            "EmailMessage.SimpleEmail.Subject.Charset",
        ),
    ] {
        assert!(refused(configuration).starts_with(&format!("{path}: ")), "{}", refused(configuration));
    }
}

#[test]
fn a_template_that_cannot_be_filled_is_refused_where_it_was_given() {
    for (configuration, member) in [
        (r#"{"SMSMessage":{"Body":"{{v"}}"#, "SMSMessage.Body"),
        (r#"{"DefaultMessage":{"Body":"{{#if v}}a{{/if}}"}}"#, "DefaultMessage.Body"),
        (r#"{"EmailMessage":{"Body":"{{upper v}}"}}"#, "EmailMessage.Body"),
        (
            r#"{"EmailMessage":{"SimpleEmail":{"Subject":{"Data":"{{v}"},"TextPart":{"Data":"t"}}}}"#,
            "EmailMessage.SimpleEmail.Subject.Data",
        ),
        (r#"{"EmailMessage":{"SimpleEmail":{"HtmlPart":{"Data":"{{"}}}}"#, "EmailMessage.SimpleEmail.HtmlPart.Data"),
        (r#"{"CustomMessage":{"Data":"{{>p}}"}}"#, "CustomMessage.Data"),
    ] {
        assert!(refused(configuration).starts_with(&format!("{member}: can't ")), "{}", refused(configuration));
    }
    let request = request(r#"{"MessageConfiguration":{"SMSMessage":{"Body":"b"}}}"#);
    let own = Text { member: "Addresses.+12065550100.BodyOverride", text: "{{v" };
    let error = Said::of(&request).unwrap().overridden(Channel::Sms, own).unwrap_err();
    assert!(error.message.starts_with("Addresses.+12065550100.BodyOverride: can't "), "{}", error.message);
}

#[test]
fn what_one_member_would_hide_of_another_is_refused() {
    let raw = r#""RawEmail":{"Data":"QTogYg=="}"#;
    for (configuration, member) in [
        (
            format!(r#"{{"EmailMessage":{{{raw},"SimpleEmail":{{"TextPart":{{"Data":"t"}}}}}}}}"#),
            "EmailMessage.SimpleEmail",
        ),
        (format!(r#"{{"EmailMessage":{{{raw},"Body":"b"}}}}"#), "EmailMessage.Body"),
        (format!(r#"{{"EmailMessage":{{{raw},"ReplyToAddresses":["a@b.c"]}}}}"#), "EmailMessage.ReplyToAddresses"),
        (r#"{"EmailMessage":{"Body":"b","SimpleEmail":{"TextPart":{"Data":"t"}}}}"#.to_owned(), "EmailMessage.Body"),
        (r#"{"SMSMessage":{"MessageType":"SPAM"},"EmailMessage":{"Body":"b"}}"#.to_owned(), "SMSMessage.MessageType"),
    ] {
        assert!(refused(&configuration).starts_with(&format!("{member}: ")), "{}", refused(&configuration));
    }
    assert!(!contents(&format!(r#"{{"EmailMessage":{{{raw},"SimpleEmail":{{}},"ReplyToAddresses":[]}}}}"#)).is_empty());
}

#[test]
fn what_carriers_know_an_sms_by_and_header_fields_are_kept() {
    let said = contents(
        r#"{"SMSMessage":{"Body":"b","Keyword":"k","EntityId":"e","TemplateId":""},
            "EmailMessage":{"SimpleEmail":{"TextPart":{"Data":"t"},"Headers":[{"Name":"X-A","Value":"1"}]}}}"#,
    );
    let Content::Sms { registration, .. } = &said[&Channel::Sms] else { panic!("no SMS") };
    let wanted = SmsRegistration { keyword: Some("k".into()), entity_id: Some("e".into()), template_id: None };
    assert_eq!(*registration, wanted);
    let Content::Email { headers, .. } = &said[&Channel::Email] else { panic!("no email") };
    assert_eq!(*headers, [HeaderField { name: "X-A".into(), value: "1".into() }]);
}

#[test]
fn a_default_message_that_is_too_long_for_a_channel_is_not_said_there() {
    let said = contents(&format!(r#"{{"DefaultMessage":{{"Body":"{}"}}}}"#, "x".repeat(1_601)));
    assert_eq!(said.into_keys().collect::<Vec<_>>(), [Channel::Email, Channel::Custom]);
}
