//! Which values a content's variables get.

use model::channel::Channel;
use model::content::HeaderField;
use model::endpoint::{EndpointOptOut, EndpointStatus, Metric, Target};
use model::id::{AppId, EndpointId, RequestId, Revision, UserId};
use model::reading::GivenAddress;
use model::time::Timestamp;

use super::*;

#[test]
fn names_are_found_inside_braces_and_helpers() {
    let text =
        "Hi {{User.UserAttributes.First.[0]}}, {{capitalize Attributes.Color}} {{{Address}}} {{#if Id}}x{{/if}} {{";
    let found: Vec<_> = names(text).collect();
    for wanted in ["User.UserAttributes.First", "Attributes.Color", "Address", "Id"] {
        assert!(found.contains(&wanted), "{wanted} in {found:?}");
    }
    let bare: Vec<_> = names("{{&Attributes.A}} {{~Attributes.B~}}").collect();
    assert_eq!(bare, ["Attributes.A", "Attributes.B"]);
}

#[test]
fn every_part_of_an_email_with_variables_is_looked_at() {
    let variable = |name: &str| format!("{{{{{name}}}}}");
    let email = Content::Email {
        subject: variable("a"),
        html: Some(variable("b")),
        text: Some(variable("c")),
        from: None,
        reply_to: Vec::new(),
        headers: vec![HeaderField { name: "X".to_owned(), value: variable("d") }],
    };
    let found: Vec<_> = texts(&email).into_iter().flat_map(names).collect();
    assert_eq!(found, ["a", "b", "c", "d"]);
}

/// An endpoint of which every member is given.
fn endpoint() -> Endpoint {
    let text = |text: &str| Some(text.to_owned());
    let (app, id) = (AppId(0xa), EndpointId::new("dev").unwrap());
    Endpoint {
        app,
        target: Some(Target::of(app, &id, Channel::Sms, &GivenAddress::normal("+12065550100")).unwrap()),
        id,
        display_id: "Dev".into(),
        attributes: [("color".into(), vec!["red".into()])].into(),
        metrics: [("visits".into(), Metric::new(12.5).unwrap())].into(),
        demographic: Demographic {
            app_version: text("4.2"),
            locale: text("pt_PT"),
            make: text("apple"),
            model: text("iPhone"),
            model_version: text("15"),
            platform: text("ios"),
            platform_version: text("18.1"),
            timezone: text("Europe/Lisbon"),
        },
        location: Location {
            city: text("Porto"),
            country: text("PT"),
            postal_code: text("4000"),
            region: text("Norte"),
            latitude_tenths: Some(412),
            longitude_tenths: Some(-86),
        },
        status: EndpointStatus::Inactive,
        opt_out: EndpointOptOut::All,
        user: Some(UserId::new("u").unwrap()),
        awaiting_user: Attributes::new(),
        created: Timestamp(1_528_235_355_288),
        effective: "2026-01-01T00:00:00.000Z".into(),
        request: RequestId(2),
        cohort: 42,
        revision: Revision(1),
        former: Vec::new(),
    }
}

#[test]
fn every_member_of_an_endpoint_has_its_value() {
    let expected = [
        ("Address", "+12065550100"),
        ("ApplicationId", "0000000000000000000000000000000a"),
        ("Attributes.color", "red"),
        ("ChannelType", "SMS"),
        ("CohortId", "42"),
        ("CreationDate", "2018-06-05T21:49:15.288Z"),
        ("Demographic.AppVersion", "4.2"),
        ("Demographic.Locale", "pt_PT"),
        ("Demographic.Make", "apple"),
        ("Demographic.Model", "iPhone"),
        ("Demographic.ModelVersion", "15"),
        ("Demographic.Platform", "ios"),
        ("Demographic.PlatformVersion", "18.1"),
        ("Demographic.Timezone", "Europe/Lisbon"),
        ("EffectiveDate", "2026-01-01T00:00:00.000Z"),
        ("EndpointStatus", "INACTIVE"),
        ("Id", "Dev"),
        ("Location.City", "Porto"),
        ("Location.Country", "PT"),
        ("Location.Latitude", "41.2"),
        ("Location.Longitude", "-8.6"),
        ("Location.PostalCode", "4000"),
        ("Location.Region", "Norte"),
        ("Metrics.visits", "12.5"),
        ("OptOut", "ALL"),
        ("RequestId", "00000000-0000-0000-0000-000000000002"),
        ("User.UserAttributes.plan", "gold"),
        ("User.UserId", "u"),
    ];
    let data: String = expected.iter().map(|(name, _)| format!("{{{{{name}}}}} ")).collect();
    let user = Attributes::from([("plan".into(), vec!["gold".into()])]);
    let values = endpoint_values(&Content::Custom { data }, &endpoint(), &user);
    let found: Vec<_> = values.iter().map(|(name, values)| (name.as_str(), values[0].as_str())).collect();
    assert_eq!(found, expected);
    assert_eq!(single("Nothing", &endpoint()), None);
}
