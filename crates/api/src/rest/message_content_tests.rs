//! What requests say, and what is refused of them.

use super::super::json::parse;
use super::*;

fn request(body: &str) -> MessageRequest {
    parse(body.as_bytes()).unwrap()
}

fn contents(configuration: &str) -> BTreeMap<Channel, Content> {
    let request = request(&format!(r#"{{"MessageConfiguration":{configuration}}}"#));
    Said::of(&request).unwrap().contents().unwrap()
}

fn refused(configuration: &str) -> String {
    let request = request(&format!(r#"{{"MessageConfiguration":{configuration}}}"#));
    let said = match Said::of(&request) {
        Ok(said) => said,
        Err(error) => return error.message,
    };
    said.contents().and_then(|_| said.substitutions()).unwrap_err().message
}

fn sms(text: &str, purpose: Purpose) -> Content {
    Content::Sms { text: text.into(), purpose, origination_number: None, sender_id: None }
}

fn email(subject: &str, html: Option<&str>, text: Option<&str>) -> Content {
    Content::Email {
        subject: subject.into(),
        html: html.map(str::to_owned),
        text: text.map(str::to_owned),
        from: None,
        reply_to: vec![],
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
    let raw = contents(r#"{"EmailMessage":{"RawEmail":{"Data":"aGk="},"FromAddress":"a@example.com"}}"#);
    let wanted = Content::RawEmail { data: b"hi".to_vec(), from: Some("a@example.com".into()) };
    assert_eq!(raw, BTreeMap::from([(Channel::Email, wanted)]));
}

#[test]
fn a_recipients_own_body_wins() {
    let request = request(
        r#"{"MessageConfiguration":{"EmailMessage":{"SimpleEmail":{"Subject":{"Data":"s"},"HtmlPart":{"Data":"h"}}}}}"#,
    );
    let said = Said::of(&request).unwrap();
    assert_eq!(said.overridden(Channel::Email, "own").unwrap(), Some(email("s", None, Some("own"))));
    assert_eq!(said.overridden(Channel::Sms, "own").unwrap(), Some(sms("own", Purpose::Transactional)));
    assert_eq!(said.overridden(Channel::Gcm, "own").unwrap(), None);
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
    let request = request(r#"{"MessageConfiguration":{},"TemplateConfiguration":{"SMSTemplate":{"Name":"n"}}}"#);
    let Err(error) = Said::of(&request) else { panic!("a template was taken") };
    assert!(error.message.starts_with("TemplateConfiguration: "));
}

#[test]
fn a_default_message_that_is_too_long_for_a_channel_is_not_said_there() {
    let said = contents(&format!(r#"{{"DefaultMessage":{{"Body":"{}"}}}}"#, "x".repeat(1_601)));
    assert_eq!(said.into_keys().collect::<Vec<_>>(), [Channel::Email, Channel::Custom]);
}
