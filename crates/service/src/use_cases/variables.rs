//! The endpoint's values that a content's variables name. A message stores those alone, so that it says what the
//! endpoint said when the message was accepted.

use model::content::{Content, Substitutions};
use model::date::iso_8601;
use model::endpoint::{Attributes, Demographic, Endpoint, Location};

/// Returns the values that `content` names of an endpoint and its user, by the names that the content uses
/// (`Attributes.Color`, `User.UserAttributes.FirstName`, `Address`, ...).
pub(super) fn endpoint_values(content: &Content, endpoint: &Endpoint, user: &Attributes) -> Substitutions {
    let mut values = Substitutions::new();
    for text in texts(content) {
        for name in names(text) {
            if let Some(value) = value(name, endpoint, user) {
                values.insert(name.to_owned(), value);
            }
        }
    }
    values
}

fn texts(content: &Content) -> Vec<&str> {
    match content {
        Content::Sms { text, .. } => vec![text],
        Content::Email { subject, html, text, headers, from: _, reply_to: _ } => {
            let parts = [Some(subject), html.as_ref(), text.as_ref()].into_iter().flatten().map(String::as_str);
            parts.chain(headers.iter().map(|header| header.value.as_str())).collect()
        }
        Content::Custom { data } => vec![data],
        Content::RawEmail { .. } => Vec::new(),
    }
}

/// Lists the dotted names inside `{{...}}`.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}").map(|(inside, _)| inside))
        .flat_map(|inside| {
            inside
                .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '{' | '}' | '=' | '#' | '/' | '&' | '~'))
        })
        .map(|name| name.split(".[").next().unwrap_or(name))
        .filter(|name| !name.is_empty())
}

fn value(name: &str, endpoint: &Endpoint, user: &Attributes) -> Option<Vec<String>> {
    if let Some(attribute) = name.strip_prefix("User.UserAttributes.") {
        return user.get(attribute).cloned();
    }
    if let Some(attribute) = name.strip_prefix("Attributes.") {
        return endpoint.attributes.get(attribute).cloned();
    }
    if let Some(metric) = name.strip_prefix("Metrics.") {
        return endpoint.metrics.get(metric).map(|metric| vec![metric.value().to_string()]);
    }
    single(name, endpoint).map(|value| vec![value])
}

/// Returns a member of Pinpoint's `EndpointResponse` as it is written there.
fn single(name: &str, endpoint: &Endpoint) -> Option<String> {
    if let Some(member) = name.strip_prefix("Demographic.") {
        return of_device(member, &endpoint.demographic).cloned();
    }
    if let Some(member) = name.strip_prefix("Location.") {
        return of_place(member, &endpoint.location);
    }
    Some(match name {
        "Address" => endpoint.target.as_ref()?.as_written().to_owned(),
        "ApplicationId" => endpoint.app.to_string(),
        "ChannelType" => endpoint.target.as_ref()?.channel.to_string(),
        "CohortId" => endpoint.cohort.to_string(),
        "CreationDate" => iso_8601(endpoint.created),
        "EffectiveDate" => endpoint.effective.clone(),
        "EndpointStatus" => endpoint.status.as_str().to_owned(),
        "Id" => endpoint.display_id.clone(),
        "OptOut" => endpoint.opt_out.as_str().to_owned(),
        "RequestId" => endpoint.request.uuid(),
        "User.UserId" => endpoint.user.as_ref()?.to_string(),
        _ => return None,
    })
}

fn of_device<'e>(member: &str, device: &'e Demographic) -> Option<&'e String> {
    match member {
        "AppVersion" => device.app_version.as_ref(),
        "Locale" => device.locale.as_ref(),
        "Make" => device.make.as_ref(),
        "Model" => device.model.as_ref(),
        "ModelVersion" => device.model_version.as_ref(),
        "Platform" => device.platform.as_ref(),
        "PlatformVersion" => device.platform_version.as_ref(),
        "Timezone" => device.timezone.as_ref(),
        _ => None,
    }
}

fn of_place(member: &str, place: &Location) -> Option<String> {
    let degrees = |tenths: i32| (f64::from(tenths) / 10.0).to_string();
    match member {
        "City" => place.city.clone(),
        "Country" => place.country.clone(),
        "Latitude" => place.latitude_tenths.map(degrees),
        "Longitude" => place.longitude_tenths.map(degrees),
        "PostalCode" => place.postal_code.clone(),
        "Region" => place.region.clone(),
        _ => None,
    }
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
