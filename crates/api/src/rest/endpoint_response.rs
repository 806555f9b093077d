//! Pinpoint's `EndpointResponse`.

use std::collections::BTreeMap;

use model::endpoint::Attributes;
use serde::Serialize;
use service::use_cases::EndpointWithUser;

use super::reply::request_id_text;
use super::times::body_time;

/// An endpoint as clients read it. Maps are there even when they are empty, because clients index them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EndpointResponse<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'e str>,
    application_id: String,
    attributes: &'e Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_type: Option<&'static str>,
    cohort_id: String,
    creation_date: String,
    demographic: DemographicResponse<'e>,
    effective_date: &'e str,
    endpoint_status: &'static str,
    id: &'e str,
    location: LocationResponse<'e>,
    metrics: BTreeMap<&'e str, f64>,
    opt_out: &'static str,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserResponse<'e>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DemographicResponse<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    app_version: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    make: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_version: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'e str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LocationResponse<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'e str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserResponse<'e> {
    user_attributes: &'e Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'e str>,
}

/// Writes an endpoint as Pinpoint does.
pub(super) fn endpoint_response(found: &EndpointWithUser) -> EndpointResponse<'_> {
    let endpoint = &found.endpoint;
    EndpointResponse {
        address: endpoint.target.as_ref().map(|target| target.as_written()),
        application_id: endpoint.app.to_string(),
        attributes: &endpoint.attributes,
        channel_type: endpoint.target.as_ref().map(|target| target.channel.as_str()),
        cohort_id: endpoint.cohort.to_string(),
        creation_date: body_time(endpoint.created),
        demographic: demographic(found),
        effective_date: &endpoint.effective,
        endpoint_status: endpoint.status.as_str(),
        id: &endpoint.display_id,
        location: location(found),
        metrics: endpoint.metrics.iter().map(|(name, metric)| (name.as_str(), metric.value())).collect(),
        opt_out: endpoint.opt_out.as_str(),
        request_id: request_id_text(endpoint.request),
        user: user(found),
    }
}

/// Writes the user; without one, what is kept for the next one.
fn user(found: &EndpointWithUser) -> Option<UserResponse<'_>> {
    let user_id = found.endpoint.user.as_ref().map(|user| user.as_str());
    let user_attributes = &found.user_attributes;
    (user_id.is_some() || !user_attributes.is_empty()).then_some(UserResponse { user_attributes, user_id })
}

fn demographic(found: &EndpointWithUser) -> DemographicResponse<'_> {
    let device = &found.endpoint.demographic;
    DemographicResponse {
        app_version: device.app_version.as_deref(),
        locale: device.locale.as_deref(),
        make: device.make.as_deref(),
        model: device.model.as_deref(),
        model_version: device.model_version.as_deref(),
        platform: device.platform.as_deref(),
        platform_version: device.platform_version.as_deref(),
        timezone: device.timezone.as_deref(),
    }
}

fn location(found: &EndpointWithUser) -> LocationResponse<'_> {
    let place = &found.endpoint.location;
    LocationResponse {
        city: place.city.as_deref(),
        country: place.country.as_deref(),
        latitude: place.latitude_tenths.map(|tenths| f64::from(tenths) / 10.0),
        longitude: place.longitude_tenths.map(|tenths| f64::from(tenths) / 10.0),
        postal_code: place.postal_code.as_deref(),
        region: place.region.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use model::address::Address;
    use model::channel::Channel;
    use model::endpoint::{Demographic, Endpoint, EndpointOptOut, EndpointStatus, Location, Metric, Target};
    use model::id::{AppId, EndpointId, RequestId, Revision, UserId};
    use model::time::Timestamp;

    use super::*;

    #[test]
    fn the_answer_is_the_endpoint_itself() {
        let (address, key) = Address::normal(Channel::Sms, "+12065550100").unwrap();
        let endpoint = Endpoint {
            app: AppId(1),
            id: EndpointId::new("dev").unwrap(),
            display_id: "Dev".into(),
            target: Some(Target { channel: Channel::Sms, address, key, written: None }),
            attributes: Attributes::from([("a".into(), vec!["1".into()])]),
            metrics: BTreeMap::from([("visits".into(), Metric::new(13.0).unwrap())]),
            demographic: Demographic { make: Some("apple".into()), ..Demographic::default() },
            location: Location { latitude_tenths: Some(-86), ..Location::default() },
            status: EndpointStatus::Active,
            opt_out: EndpointOptOut::None,
            user: Some(UserId::new("u").unwrap()),
            awaiting_user: Attributes::new(),
            created: Timestamp(1),
            effective: "2026-01-01T00:00:00.000Z".into(),
            request: RequestId(2),
            cohort: 42,
            revision: Revision(1),
            former: Vec::new(),
        };
        let found = EndpointWithUser { endpoint, user_attributes: Attributes::from([("t".into(), vec!["x".into()])]) };
        let wanted = r#"{"Address":"+12065550100","ApplicationId":"00000000000000000000000000000001","Attributes":{"a":["1"]},"ChannelType":"SMS","CohortId":"42","CreationDate":"1970-01-01T00:00:00.001Z","Demographic":{"Make":"apple"},"EffectiveDate":"2026-01-01T00:00:00.000Z","EndpointStatus":"ACTIVE","Id":"Dev","Location":{"Latitude":-8.6},"Metrics":{"visits":13.0},"OptOut":"NONE","RequestId":"00000000-0000-0000-0000-000000000002","User":{"UserAttributes":{"t":["x"]},"UserId":"u"}}"#;
        assert_eq!(serde_json::to_string(&endpoint_response(&found)).unwrap(), wanted);
    }
}
