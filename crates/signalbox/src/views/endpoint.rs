//! Endpoints.

use std::collections::BTreeMap;

use serde::Serialize;
use wire::v1;

use super::{Lists, lists, lists_text, or_blank, time_text};
use crate::console::{View, facts};
use crate::words;

/// An endpoint, with its user's attributes where the answer has them.
#[derive(Debug, Serialize)]
pub struct EndpointView {
    app_id: String,
    endpoint_id: String,
    display_id: String,
    channel: Option<String>,
    address: Option<String>,
    status: String,
    opt_out: String,
    user_id: Option<String>,
    attributes: Lists,
    metrics: BTreeMap<String, f64>,
    user_attributes: Lists,
    demographic: BTreeMap<&'static str, String>,
    location: LocationView,
    cohort: u32,
    created_ms: u64,
    effective_date: String,
    request_id: String,
    revision: u64,
}

/// The place; members that aren't known are left out.
#[derive(Debug, Serialize)]
struct LocationView {
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
}

impl EndpointView {
    /// Makes the view from the parts of an answer.
    pub fn new(endpoint: v1::Endpoint, user_attributes: BTreeMap<String, v1::Values>) -> EndpointView {
        EndpointView {
            app_id: endpoint.app_id,
            endpoint_id: endpoint.endpoint_id,
            display_id: endpoint.display_id,
            channel: (endpoint.channel != 0).then(|| words::channel(endpoint.channel)),
            address: endpoint.address,
            status: words::endpoint_status(endpoint.status),
            opt_out: words::endpoint_opt_out(endpoint.opt_out),
            user_id: endpoint.user_id,
            attributes: lists(endpoint.attributes),
            metrics: endpoint.metrics,
            user_attributes: lists(user_attributes),
            demographic: endpoint.demographic.map(demographic).unwrap_or_default(),
            location: endpoint.location.unwrap_or_default().into(),
            cohort: endpoint.cohort,
            created_ms: endpoint.created_ms,
            effective_date: endpoint.effective_date,
            request_id: endpoint.request_id,
            revision: endpoint.revision,
        }
    }
}

impl View for EndpointView {
    fn text(&self) -> String {
        let metrics = self.metrics.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        facts([
            ("endpoint", self.display_id.clone()),
            ("app", self.app_id.clone()),
            ("channel", or_blank(self.channel.as_ref())),
            ("address", or_blank(self.address.as_ref())),
            ("status", self.status.clone()),
            ("opt-out", self.opt_out.clone()),
            ("user", or_blank(self.user_id.as_ref())),
            ("attributes", lists_text(&self.attributes)),
            ("user attributes", lists_text(&self.user_attributes)),
            ("metrics", metrics.join(", ")),
            ("demographic", members_text(&self.demographic)),
            ("location", self.location.text()),
            ("effective date", self.effective_date.clone()),
            ("created", time_text(self.created_ms)),
            ("revision", self.revision.to_string()),
        ])
    }
}

fn demographic(given: v1::Demographic) -> BTreeMap<&'static str, String> {
    members([
        ("app_version", given.app_version),
        ("locale", given.locale),
        ("make", given.make),
        ("model", given.model),
        ("model_version", given.model_version),
        ("platform", given.platform),
        ("platform_version", given.platform_version),
        ("timezone", given.timezone),
    ])
}

impl From<v1::Location> for LocationView {
    fn from(given: v1::Location) -> LocationView {
        LocationView {
            city: given.city,
            country: given.country,
            postal_code: given.postal_code,
            region: given.region,
            latitude: given.latitude,
            longitude: given.longitude,
        }
    }
}

impl LocationView {
    fn text(&self) -> String {
        let degrees = |degrees: Option<f64>| degrees.map(|degrees| degrees.to_string());
        members_text(&members([
            ("city", self.city.clone()),
            ("country", self.country.clone()),
            ("postal_code", self.postal_code.clone()),
            ("region", self.region.clone()),
            ("latitude", degrees(self.latitude)),
            ("longitude", degrees(self.longitude)),
        ]))
    }
}

fn members<const N: usize>(given: [(&'static str, Option<String>); N]) -> BTreeMap<&'static str, String> {
    given.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}

fn members_text(members: &BTreeMap<&'static str, String>) -> String {
    members.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}
