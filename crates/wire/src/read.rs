//! Parsing single fields of generated values, for rows and requests alike. Each function takes the field's name, so
//! that an error can say where it is.

use model::country::Country;
use model::id::{EndpointId, GroupId, InvalidId, RegionId, UserId};

use crate::codes::Coded;
use crate::error::{Flaw, InvalidField};

/// Adds the name of the holding field to an error.
pub(crate) trait Within {
    /// Returns the same result, with the path of its error seen from the message that holds this one in `field`.
    fn within(self, field: &str) -> Self;
    /// Does the same for the member at `index` of a list.
    fn within_item(self, field: &str, index: usize) -> Self;
}

impl<T> Within for Result<T, InvalidField> {
    fn within(self, field: &str) -> Self {
        self.map_err(|error| error.within(field))
    }

    fn within_item(self, field: &str, index: usize) -> Self {
        self.map_err(|error| error.within(&format!("{field}[{index}]")))
    }
}

/// Takes a field that must be given.
pub(crate) fn required<T>(value: Option<T>, field: &str) -> Result<T, InvalidField> {
    value.ok_or_else(|| InvalidField::new(field, Flaw::Missing))
}

/// Takes a text that must not be empty.
pub(crate) fn text(value: String, field: &str) -> Result<String, InvalidField> {
    if value.is_empty() { Err(InvalidField::new(field, Flaw::Missing)) } else { Ok(value) }
}

/// Takes an enum that must be given.
pub(crate) fn code<T: Coded>(value: i32, field: &str) -> Result<T, InvalidField> {
    T::from_wire_code(value).ok_or_else(|| match value {
        0 => InvalidField::new(field, Flaw::Missing),
        _ => InvalidField::new(field, Flaw::UnknownCode { of: T::NAME, code: i64::from(value) }),
    })
}

/// Takes an enum where 0 means that it isn't given.
pub(crate) fn code_if_given<T: Coded>(value: i32, field: &str) -> Result<Option<T>, InvalidField> {
    if value == 0 { Ok(None) } else { code(value, field).map(Some) }
}

/// Takes an enum that is the key of a map.
pub(crate) fn code_key<T: Coded>(key: u32, field: &str) -> Result<T, InvalidField> {
    let unknown = || InvalidField::new(field, Flaw::UnknownCode { of: T::NAME, code: i64::from(key) });
    i32::try_from(key).ok().and_then(T::from_wire_code).ok_or_else(unknown)
}

/// Takes the number of a group.
pub(crate) fn group(value: u32, field: &str) -> Result<GroupId, InvalidField> {
    let (max, found) = (u64::from(u16::MAX), u64::from(value));
    u16::try_from(value).map(GroupId).map_err(|_| InvalidField::new(field, Flaw::TooLarge { max, found }))
}

/// Takes a region's name.
pub(crate) fn region(value: &str, field: &str) -> Result<RegionId, InvalidField> {
    RegionId::new(value).map_err(|reason| InvalidField::new(field, reason))
}

/// Takes a user's id.
pub(crate) fn user(value: &str, field: &str) -> Result<UserId, InvalidField> {
    UserId::new(value).map_err(|reason| InvalidField::new(field, reason))
}

/// Takes a country's code.
pub(crate) fn country(value: &str, field: &str) -> Result<Country, InvalidField> {
    value.parse().map_err(|reason: model::country::InvalidCountry| InvalidField::new(field, reason))
}

/// Takes back a stored endpoint id. Its length isn't checked: folding to lower case can make an id longer than the
/// longest that a caller may write.
pub(crate) fn endpoint(value: String, field: &str) -> Result<EndpointId, InvalidField> {
    match value.chars().find(|c| matches!(c, '$' | '{' | '}' | '\0')) {
        Some(character) => {
            let what = "an endpoint id";
            Err(InvalidField::new(field, InvalidId::Character { what, character }))
        }
        None => text(value, field).map(EndpointId::from_stored),
    }
}

/// Reads each member of a list, in order.
pub(crate) fn list<A, B>(
    members: Vec<A>,
    field: &str,
    read: impl Fn(A) -> Result<B, InvalidField>,
) -> Result<Vec<B>, InvalidField> {
    members.into_iter().enumerate().map(|(index, member)| read(member).within_item(field, index)).collect()
}
