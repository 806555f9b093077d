//! How large an endpoint may be. Pure.

use model::endpoint::{ATTRIBUTES_MAX, Attributes, Demographic, ENDPOINT_SIZE_MAX, Endpoint, Location};

/// How large an endpoint is, its user's attributes counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    /// Attributes, metrics and user attributes.
    attributes: usize,
    /// All text, in bytes; numbers count 8.
    bytes: usize,
}

impl Size {
    /// Measures an endpoint with its user's attributes.
    pub fn of(endpoint: &Endpoint, user_attributes: &Attributes) -> Size {
        let target = endpoint.target.as_ref().map_or(0, |target| target.as_written().len());
        let user = endpoint.user.as_ref().map_or(0, |user| user.as_str().len());
        let metrics: usize = endpoint.metrics.keys().map(|name| name.len() + 8).sum();
        Size {
            attributes: endpoint.attributes.len()
                + endpoint.metrics.len()
                + user_attributes.len()
                + endpoint.awaiting_user.len(),
            bytes: endpoint.display_id.len()
                + target
                + user
                + metrics
                + endpoint.effective.len()
                + of_attributes(&endpoint.attributes)
                + of_attributes(user_attributes)
                + of_attributes(&endpoint.awaiting_user)
                + of_demographic(&endpoint.demographic)
                + of_location(&endpoint.location),
        }
    }
}

/// Says which limit an update breaks, or nothing. An endpoint that is too large already (its user's attributes grew
/// through another endpoint) may still be changed as long as it doesn't grow: an opt-out is never refused for its size.
pub(crate) fn exceeded(old: Size, new: Size) -> Option<String> {
    if new.attributes > ATTRIBUTES_MAX && new.attributes > old.attributes {
        return Some(format!(
            "an endpoint may have at most {ATTRIBUTES_MAX} attributes, metrics and user attributes, this one would have {}",
            new.attributes
        ));
    }
    if new.bytes > ENDPOINT_SIZE_MAX && new.bytes > old.bytes {
        return Some(format!(
            "an endpoint may have at most {ENDPOINT_SIZE_MAX} bytes, this one would have {}",
            new.bytes
        ));
    }
    None
}

fn of_attributes(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>()).sum()
}

fn of_demographic(demographic: &Demographic) -> usize {
    let Demographic { app_version, locale, make, model, model_version, platform, platform_version, timezone } =
        demographic;
    of_texts([app_version, locale, make, model, model_version, platform, platform_version, timezone])
}

fn of_location(location: &Location) -> usize {
    let Location { city, country, postal_code, region, latitude_tenths, longitude_tenths } = location;
    let coordinates = [latitude_tenths, longitude_tenths].into_iter().flatten().count() * 8;
    of_texts([city, country, postal_code, region]) + coordinates
}

fn of_texts<const N: usize>(texts: [&Option<String>; N]) -> usize {
    texts.into_iter().flatten().map(String::len).sum()
}
