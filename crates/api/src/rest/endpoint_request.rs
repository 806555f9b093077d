//! Pinpoint's `EndpointRequest` and the change that it means.

use std::collections::BTreeMap;

use model::channel::Channel;
use model::endpoint::{
    Demographic, ENDPOINT_SIZE_MAX, EndpointOptOut, EndpointPatch, EndpointStatus, Location, Metric, UserLink,
};
use model::id::UserId;
use model::reading::GivenAddress;
use serde::Deserialize;

use super::error::RestError;
use super::json::{TextMap, given, given_texts, parse};
use crate::limits::{self, ENDPOINT_REQUEST_MAX, PatchNames};

const NAMES: PatchNames = PatchNames {
    attributes: "Attributes",
    metrics: "Metrics",
    user_attributes: "User.UserAttributes",
    effective: "EffectiveDate",
};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EndpointRequest {
    address: Option<String>,
    attributes: Option<TextMap>,
    channel_type: Option<String>,
    demographic: Option<DemographicRequest>,
    effective_date: Option<String>,
    endpoint_status: Option<String>,
    location: Option<LocationRequest>,
    metrics: Option<BTreeMap<String, Option<f64>>>,
    opt_out: Option<String>,
    user: Option<UserRequest>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DemographicRequest {
    app_version: Option<String>,
    locale: Option<String>,
    make: Option<String>,
    model: Option<String>,
    model_version: Option<String>,
    platform: Option<String>,
    platform_version: Option<String>,
    timezone: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LocationRequest {
    city: Option<String>,
    country: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    postal_code: Option<String>,
    region: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct UserRequest {
    user_attributes: Option<TextMap>,
    user_id: Option<String>,
}

/// Parses the body of UpdateEndpoint.
pub(super) fn patch(body: &[u8]) -> Result<EndpointPatch, RestError> {
    if body.len() > ENDPOINT_REQUEST_MAX {
        return Err(RestError::bad_request("", format!("an endpoint may have at most {ENDPOINT_SIZE_MAX} bytes.")));
    }
    let request: EndpointRequest = parse(body)?;
    let user_request = request.user.unwrap_or_default();
    let patch = EndpointPatch {
        channel: request.channel_type.as_deref().map(channel).transpose()?,
        address: request.address.map(GivenAddress::unread),
        attributes: given_texts(request.attributes),
        metrics: metrics(request.metrics)?,
        demographic: request.demographic.map(Demographic::from).unwrap_or_default(),
        location: location(request.location.unwrap_or_default())?,
        status: request.endpoint_status.as_deref().map(status).transpose()?,
        opt_out: request.opt_out.as_deref().map(opt_out).transpose()?,
        user: user_link(user_request.user_id.as_deref())?,
        user_attributes: given_texts(user_request.user_attributes),
        effective: request.effective_date.filter(|text| !text.is_empty()),
    };
    limits::patch(&patch, &NAMES)?;
    Ok(patch)
}

fn channel(text: &str) -> Result<Channel, RestError> {
    text.parse()
        .map_err(|reason: model::channel::UnknownChannel| RestError::bad_request("ChannelType", reason.to_string()))
}

fn status(text: &str) -> Result<EndpointStatus, RestError> {
    match text {
        "ACTIVE" => Ok(EndpointStatus::Active),
        "INACTIVE" => Ok(EndpointStatus::Inactive),
        _ => Err(RestError::bad_request("EndpointStatus", format!("ACTIVE or INACTIVE is allowed, found {text:?}"))),
    }
}

fn opt_out(text: &str) -> Result<EndpointOptOut, RestError> {
    match text {
        "ALL" => Ok(EndpointOptOut::All),
        "NONE" => Ok(EndpointOptOut::None),
        _ => Err(RestError::bad_request("OptOut", format!("ALL or NONE is allowed, found {text:?}"))),
    }
}

/// Reads the link to a user; the empty id unlinks, as Amplify's sign-out has it.
fn user_link(id: Option<&str>) -> Result<Option<UserLink>, RestError> {
    match id {
        None => Ok(None),
        Some("") => Ok(Some(UserLink::Nobody)),
        Some(id) => match UserId::new(id) {
            Ok(id) => Ok(Some(UserLink::To(id))),
            Err(reason) => Err(RestError::bad_request("User.UserId", reason.to_string())),
        },
    }
}

fn metrics(map: Option<BTreeMap<String, Option<f64>>>) -> Result<BTreeMap<String, Metric>, RestError> {
    let mut metrics = BTreeMap::new();
    for (name, value) in given(map) {
        let metric = Metric::new(value)
            .ok_or_else(|| RestError::bad_request(&format!("Metrics.{name}"), "must be a finite number"))?;
        metrics.insert(name, metric);
    }
    Ok(metrics)
}

impl From<DemographicRequest> for Demographic {
    fn from(request: DemographicRequest) -> Demographic {
        Demographic {
            app_version: request.app_version,
            locale: request.locale,
            make: request.make,
            model: request.model,
            model_version: request.model_version,
            platform: request.platform,
            platform_version: request.platform_version,
            timezone: request.timezone,
        }
    }
}

fn location(request: LocationRequest) -> Result<Location, RestError> {
    Ok(Location {
        city: request.city,
        country: request.country,
        postal_code: request.postal_code,
        region: request.region,
        latitude_tenths: request.latitude.map(|value| tenths("Location.Latitude", value, 90.0)).transpose()?,
        longitude_tenths: request.longitude.map(|value| tenths("Location.Longitude", value, 180.0)).transpose()?,
    })
}

/// Rounds a coordinate as Pinpoint does.
fn tenths(field: &str, degrees: f64, max: f64) -> Result<i32, RestError> {
    if degrees.abs() <= max {
        Ok((degrees * 10.0).round() as i32)
    } else {
        Err(RestError::bad_request(field, format!("must lie between -{max} and {max}")))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn refused(body: &str) -> String {
        let error = patch(body.as_bytes()).unwrap_err();
        assert_eq!(error.status, StatusCode::BAD_REQUEST);
        error.message
    }

    #[test]
    fn a_full_request_becomes_a_change() {
        let body = br#"{"ChannelType":"APNS","Address":"7a","Attributes":{"Interests":["Chess","Rowing"],"Gone":[]},
            "Metrics":{"visits":12,"skip":null},"Demographic":{"Make":"apple","Timezone":null},
            "Location":{"Latitude":41.1579,"Longitude":-8.6291},"OptOut":"ALL","EndpointStatus":"INACTIVE",
            "User":{"UserId":"","UserAttributes":{"First":"Ines"}},"RequestId":"x","Future":1}"#;
        let patch = patch(body).unwrap();
        assert_eq!((patch.channel, patch.address), (Some(Channel::Apns), Some(GivenAddress::unread("7a".into()))));
        assert_eq!(patch.attributes["Gone"], Vec::<String>::new());
        assert_eq!(
            patch.metrics.iter().map(|(name, metric)| (name.as_str(), metric.value())).collect::<Vec<_>>(),
            [("visits", 12.0)]
        );
        assert_eq!((patch.location.latitude_tenths, patch.location.longitude_tenths), (Some(412), Some(-86)));
        assert_eq!((patch.opt_out, patch.status), (Some(EndpointOptOut::All), Some(EndpointStatus::Inactive)));
        assert_eq!(patch.user, Some(UserLink::Nobody));
        assert_eq!(patch.user_attributes["First"], ["Ines"]);
        assert_eq!(patch.demographic.make.as_deref(), Some("apple"));
    }

    #[test]
    fn what_is_not_given_changes_nothing() {
        assert_eq!(patch(b"{}").unwrap(), EndpointPatch::default());
        assert_eq!(patch(br#"{"Attributes":{},"User":{"UserAttributes":{}}}"#).unwrap(), EndpointPatch::default());
    }

    #[test]
    fn limits_are_named() {
        let name = |length: usize| format!(r#"{{"Attributes":{{"{}":["v"]}}}}"#, "n".repeat(length));
        patch(name(50).as_bytes()).unwrap();
        assert!(refused(&name(51)).starts_with("Attributes: "));
        let values = |count: usize| serde_json::json!({ "Attributes": { "a": vec!["v"; count] } }).to_string();
        patch(values(50).as_bytes()).unwrap();
        assert!(refused(&values(51)).starts_with("Attributes.a: "));
        assert!(refused(&format!(r#"{{"Attributes":{{"a":["{}"]}}}}"#, "v".repeat(101))).starts_with("Attributes.a: "));
        let fat: BTreeMap<String, Vec<String>> =
            (0..140).map(|n| (format!("attr{n}"), vec!["x".repeat(100); 5])).collect();
        assert!(refused(&serde_json::json!({ "Attributes": fat }).to_string()).contains("15360 bytes"));
    }

    #[test]
    fn unknown_words_and_places_are_refused() {
        assert!(refused(r#"{"ChannelType":"PIGEON"}"#).starts_with("ChannelType: "));
        assert!(refused(r#"{"OptOut":"SOME"}"#).starts_with("OptOut: "));
        assert!(refused(r#"{"EndpointStatus":"active"}"#).starts_with("EndpointStatus: "));
        assert!(refused(r#"{"Location":{"Latitude":90.1}}"#).starts_with("Location.Latitude: "));
        assert!(refused(r#"{"Metrics":{"visits":"x"}}"#).starts_with("Metrics.visits: "));
        assert!(refused(r#"{"Metrics":{"visits":1e999}}"#).contains("number out of range"));
        assert!(refused(r#"{"User":{"UserId":7}}"#).starts_with("User.UserId: "));
    }
}
