//! Endpoints and their changes.

use std::collections::BTreeMap;

use model::endpoint::{Demographic, Location, Metric, UserLink};
use model::reading::GivenAddress;
use model::{Endpoint, EndpointPatch};

use super::{parse_values, values};
use crate::codes::Coded as _;
use crate::error::{Flaw, InvalidField};
use crate::read::{Within as _, code_if_given, user};
use crate::v1;

/// The largest latitude in degrees.
const LATITUDE_MAX: f64 = 90.0;
/// The largest longitude in degrees.
const LONGITUDE_MAX: f64 = 180.0;

impl From<Endpoint> for v1::Endpoint {
    fn from(endpoint: Endpoint) -> v1::Endpoint {
        v1::Endpoint {
            app_id: endpoint.app.to_string(),
            endpoint_id: endpoint.id.to_string(),
            display_id: endpoint.display_id,
            channel: endpoint.target.as_ref().map_or(0, |target| target.channel.wire_code()),
            address: endpoint.target.map(|target| target.as_written().to_owned()),
            attributes: values(endpoint.attributes),
            metrics: endpoint.metrics.into_iter().map(|(name, metric)| (name, metric.value())).collect(),
            demographic: Some(endpoint.demographic.into()),
            location: Some(endpoint.location.into()),
            status: endpoint.status.wire_code(),
            opt_out: endpoint.opt_out.wire_code(),
            user_id: endpoint.user.map(|user| user.to_string()),
            created_ms: endpoint.created.0,
            effective_date: endpoint.effective,
            request_id: endpoint.request.to_string(),
            cohort: u32::from(endpoint.cohort),
            revision: endpoint.revision.0,
        }
    }
}

impl From<Demographic> for v1::Demographic {
    fn from(demographic: Demographic) -> v1::Demographic {
        v1::Demographic {
            app_version: demographic.app_version,
            locale: demographic.locale,
            make: demographic.make,
            model: demographic.model,
            model_version: demographic.model_version,
            platform: demographic.platform,
            platform_version: demographic.platform_version,
            timezone: demographic.timezone,
        }
    }
}

impl From<v1::Demographic> for Demographic {
    fn from(demographic: v1::Demographic) -> Demographic {
        Demographic {
            app_version: demographic.app_version,
            locale: demographic.locale,
            make: demographic.make,
            model: demographic.model,
            model_version: demographic.model_version,
            platform: demographic.platform,
            platform_version: demographic.platform_version,
            timezone: demographic.timezone,
        }
    }
}

impl From<Location> for v1::Location {
    fn from(location: Location) -> v1::Location {
        v1::Location {
            city: location.city,
            country: location.country,
            postal_code: location.postal_code,
            region: location.region,
            latitude: location.latitude_tenths.map(|tenths| f64::from(tenths) / 10.0),
            longitude: location.longitude_tenths.map(|tenths| f64::from(tenths) / 10.0),
        }
    }
}

impl TryFrom<v1::Location> for Location {
    type Error = InvalidField;

    fn try_from(location: v1::Location) -> Result<Location, InvalidField> {
        Ok(Location {
            city: location.city,
            country: location.country,
            postal_code: location.postal_code,
            region: location.region,
            latitude_tenths: tenths(location.latitude, LATITUDE_MAX, "latitude")?,
            longitude_tenths: tenths(location.longitude, LONGITUDE_MAX, "longitude")?,
        })
    }
}

/// Rounds degrees to tenths.
fn tenths(degrees: Option<f64>, max: f64, field: &str) -> Result<Option<i32>, InvalidField> {
    match degrees {
        None => Ok(None),
        Some(degrees) if !degrees.is_finite() => Err(InvalidField::new(field, Flaw::NotFinite)),
        Some(degrees) if degrees.abs() > max => Err(InvalidField::new(field, Flaw::Degrees { max: max as u16 })),
        Some(degrees) => Ok(Some((degrees * 10.0).round() as i32)),
    }
}

impl TryFrom<v1::EndpointPatch> for EndpointPatch {
    type Error = InvalidField;

    fn try_from(patch: v1::EndpointPatch) -> Result<EndpointPatch, InvalidField> {
        Ok(EndpointPatch {
            channel: code_if_given(patch.channel, "channel")?,
            address: patch.address.map(GivenAddress::unread),
            attributes: parse_values(patch.attributes),
            metrics: metrics(patch.metrics)?,
            demographic: patch.demographic.map(Demographic::from).unwrap_or_default(),
            location: patch.location.map(Location::try_from).transpose().within("location")?.unwrap_or_default(),
            status: code_if_given(patch.status, "status")?,
            opt_out: code_if_given(patch.opt_out, "opt_out")?,
            user: user_link(patch.user)?,
            user_attributes: parse_values(patch.user_attributes),
            effective: patch.effective_date,
        })
    }
}

fn metrics(metrics: BTreeMap<String, f64>) -> Result<BTreeMap<String, Metric>, InvalidField> {
    metrics
        .into_iter()
        .map(|(name, value)| match Metric::new(value) {
            Some(metric) => Ok((name, metric)),
            None => Err(InvalidField::new(format!("metrics[{name:?}]"), Flaw::NotFinite)),
        })
        .collect()
}

fn user_link(link: Option<v1::endpoint_patch::User>) -> Result<Option<UserLink>, InvalidField> {
    use v1::endpoint_patch::User;
    match link {
        Some(User::UserId(id)) => user(&id, "user_id").map(UserLink::To).map(Some),
        Some(User::NoUser(true)) => Ok(Some(UserLink::Nobody)),
        Some(User::NoUser(false)) | None => Ok(None),
    }
}
