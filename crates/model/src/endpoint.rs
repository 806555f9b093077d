//! Endpoints: a recipient's address on a channel, with attributes (Pinpoint API reference, "Endpoints").

use std::collections::BTreeMap;

use crate::address::{Address, AddressKey, InvalidAddress, NormalForm};
use crate::channel::{AddressFamily, Channel};
use crate::id::{AppId, EndpointId, GroupId, RequestId, Revision, UserId};
use crate::reading::GivenAddress;
use crate::request::REQUEST_KEPT;
use crate::time::Timestamp;

/// The largest number of attributes, metrics and user attributes of an endpoint together.
pub const ATTRIBUTES_MAX: usize = 250;
/// The largest number of values of one attribute.
pub const VALUES_MAX: usize = 50;
/// The longest attribute name, in characters.
pub const ATTRIBUTE_NAME_MAX: usize = 50;
/// The longest attribute value, in characters.
pub const ATTRIBUTE_VALUE_MAX: usize = 100;
/// The largest endpoint in bytes, all text counted.
pub const ENDPOINT_SIZE_MAX: usize = 15 * 1024;
/// How many addresses that an endpoint left are remembered: what forbids messages to it must reach those that wait
/// there, and each costs a follow-up then.
pub const FORMER_PLACES_MAX: usize = 8;
/// The largest number of endpoints of one user.
pub const ENDPOINTS_PER_USER_MAX: usize = 15;

/// Attributes with their lists of values.
pub type Attributes = BTreeMap<String, Vec<String>>;

/// Whether an endpoint takes messages at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum EndpointStatus {
    Active,
    Inactive,
}

impl EndpointStatus {
    /// Returns Pinpoint's name of the status.
    pub fn as_str(self) -> &'static str {
        match self {
            EndpointStatus::Active => "ACTIVE",
            EndpointStatus::Inactive => "INACTIVE",
        }
    }
}

/// Whether the recipient opted out through the endpoint's `OptOut` member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointOptOut {
    /// Wants all messages.
    None,
    /// Wants none.
    All,
}

impl EndpointOptOut {
    /// Returns Pinpoint's name of the opt-out.
    pub fn as_str(self) -> &'static str {
        match self {
            EndpointOptOut::None => "NONE",
            EndpointOptOut::All => "ALL",
        }
    }
}

/// The device, in Pinpoint's words; every member is free text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the members are Pinpoint's own names")]
pub struct Demographic {
    pub app_version: Option<String>,
    pub locale: Option<String>,
    pub make: Option<String>,
    pub model: Option<String>,
    pub model_version: Option<String>,
    pub platform: Option<String>,
    pub platform_version: Option<String>,
    pub timezone: Option<String>,
}

/// The place, in Pinpoint's words. Coordinates are in tenths of a degree, as Pinpoint rounds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the members are Pinpoint's own names")]
pub struct Location {
    pub city: Option<String>,
    pub country: Option<String>,
    pub postal_code: Option<String>,
    pub region: Option<String>,
    pub latitude_tenths: Option<i32>,
    pub longitude_tenths: Option<i32>,
}

/// A metric's value: the bits of an IEEE 754 double, so that equal values have equal bytes and a total order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric(pub u64);

impl Metric {
    /// Takes a finite number; nothing for NaN and infinities.
    pub fn new(value: f64) -> Option<Metric> {
        value.is_finite().then(|| Metric(value.to_bits()))
    }

    /// Returns the number.
    pub fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// A stored endpoint. The attributes of its user are the user's and stored there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Endpoint {
    pub app: AppId,
    /// Its id, in lower case.
    pub id: EndpointId,
    /// Its id as it was first written.
    pub display_id: String,
    /// Where messages go; nothing until the caller gave both channel and address.
    pub target: Option<Target>,
    pub attributes: Attributes,
    pub metrics: BTreeMap<String, Metric>,
    pub demographic: Demographic,
    pub location: Location,
    pub status: EndpointStatus,
    pub opt_out: EndpointOptOut,
    pub user: Option<UserId>,
    /// Attributes of a user that were given while the endpoint had none, as a change: the next user that it is linked
    /// to gets them. Empty while it has a user.
    pub awaiting_user: Attributes,
    pub created: Timestamp,
    /// Pinpoint's EffectiveDate: when it was last updated, or what the caller said.
    pub effective: String,
    /// The request that last changed it.
    pub request: RequestId,
    /// Pinpoint's CohortId, 0..=99, drawn at creation.
    pub cohort: u8,
    pub revision: Revision,
    /// Where messages to it were decided lately, other than now; each group once, so that there are at most as many as
    /// partitions.
    pub former: Vec<FormerGroup>,
}

/// A group that decided an endpoint's messages until its address, or the endpoint itself, went away. What a request was
/// answered before it went is found there, so it is known for [`FORMER_KEPT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct FormerGroup {
    pub group: GroupId,
    pub left: Timestamp,
}

/// How long a former group is known: as long as answers to requests are kept there, and once more for whoever goes by
/// an older copy of the endpoint meanwhile.
pub const FORMER_KEPT: std::time::Duration = REQUEST_KEPT.saturating_mul(2);

impl FormerGroup {
    /// Says whether a request that was answered in the group may still come again.
    pub fn counts(&self, now: Timestamp) -> bool {
        self.left.plus(FORMER_KEPT) > now
    }
}

/// Where an endpoint's messages go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Target {
    pub channel: Channel,
    /// The address in normal form.
    pub address: Address,
    pub key: AddressKey,
    /// The address as its caller wrote it, where that isn't the normal form.
    pub written: Option<String>,
}

impl Target {
    /// Returns the address as its caller wrote it.
    pub fn as_written(&self) -> &str {
        self.written.as_deref().unwrap_or(self.address.as_str())
    }
}

/// Where an endpoint was: messages to it may still wait there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerPlace {
    /// The channel of the address that it left.
    pub channel: Channel,
    /// The endpoint's revision with which it left; an older one is forgotten first.
    pub left: Revision,
}

impl Target {
    /// Makes where an endpoint's messages go.
    ///
    /// # Errors
    /// When the address is none of the channel.
    pub fn of(
        app: AppId,
        endpoint: &EndpointId,
        channel: Channel,
        given: &GivenAddress,
    ) -> Result<Target, InvalidAddress> {
        let (address, key) = given.on(channel)?;
        let written = (given.written != address.as_str()).then(|| given.written.clone());
        Ok(Target { channel, address, key: AddressKey::of_recipient(app, endpoint, channel, key), written })
    }

    /// Makes the same on another channel.
    ///
    /// # Errors
    /// When the other channel's addresses are of another kind.
    pub fn moved(self, app: AppId, endpoint: &EndpointId, channel: Channel) -> Result<Target, InvalidAddress> {
        if channel == self.channel {
            return Ok(self);
        }
        let (family, text) = (channel.address_family(), self.address.as_str());
        let form = match family {
            _ if family != self.channel.address_family() => return Err(InvalidAddress::of(family)),
            AddressFamily::Telephone => NormalForm::Telephone(text),
            AddressFamily::Token => NormalForm::Token(text),
            AddressFamily::Custom => NormalForm::Custom(text),
            AddressFamily::Mailbox => return Err(InvalidAddress::Mailbox),
        };
        let (address, key) = Address::of(channel, form)?;
        let key = AddressKey::of_recipient(app, endpoint, channel, key);
        Ok(Target { channel, address, key, written: self.written })
    }
}

/// What an update changes; members that are not given stay as they are. It is merged into the endpoint when it is
/// applied and nowhere else, so that of two updates at once neither undoes what the other says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct EndpointPatch {
    pub channel: Option<Channel>,
    /// The address; whether it is one of the endpoint's channel is known when it is applied.
    pub address: Option<GivenAddress>,
    /// Attributes to replace, each with its whole list; an empty list removes the attribute.
    pub attributes: Attributes,
    pub metrics: BTreeMap<String, Metric>,
    pub demographic: Demographic,
    pub location: Location,
    /// A new status. An update without one makes the endpoint active.
    pub status: Option<EndpointStatus>,
    pub opt_out: Option<EndpointOptOut>,
    /// A new user, or none.
    pub user: Option<UserLink>,
    /// Attributes of the user to replace, each with its whole list; an empty list removes the attribute.
    pub user_attributes: Attributes,
    /// Pinpoint's EffectiveDate, when the caller gave one; at most 64 characters.
    pub effective: Option<String>,
}

/// A change of an endpoint's user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum UserLink {
    To(UserId),
    Nobody,
}

impl EndpointPatch {
    /// Says whether the change is that the endpoint takes no messages any more.
    pub fn forbids_sending(&self) -> bool {
        self.opt_out == Some(EndpointOptOut::All) || self.status == Some(EndpointStatus::Inactive)
    }
}

impl Demographic {
    /// Sets the members that `newer` gives.
    pub fn merge(&mut self, newer: &Demographic) {
        set(&mut self.app_version, &newer.app_version);
        set(&mut self.locale, &newer.locale);
        set(&mut self.make, &newer.make);
        set(&mut self.model, &newer.model);
        set(&mut self.model_version, &newer.model_version);
        set(&mut self.platform, &newer.platform);
        set(&mut self.platform_version, &newer.platform_version);
        set(&mut self.timezone, &newer.timezone);
    }
}

impl Location {
    /// Sets the members that `newer` gives.
    pub fn merge(&mut self, newer: &Location) {
        set(&mut self.city, &newer.city);
        set(&mut self.country, &newer.country);
        set(&mut self.postal_code, &newer.postal_code);
        set(&mut self.region, &newer.region);
        set(&mut self.latitude_tenths, &newer.latitude_tenths);
        set(&mut self.longitude_tenths, &newer.longitude_tenths);
    }
}

fn set<T: Clone>(member: &mut Option<T>, newer: &Option<T>) {
    if newer.is_some() {
        member.clone_from(newer);
    }
}

/// Replaces the named attributes; an empty list removes one.
pub fn merge_attributes(attributes: &mut Attributes, newer: &Attributes) {
    for (name, values) in newer {
        if values.is_empty() {
            attributes.remove(name);
        } else {
            attributes.insert(name.clone(), values.clone());
        }
    }
}
