//! What forbids sending to a recipient: opt-outs of people and blocks that follow from endpoints.

use std::borrow::Cow;
use std::fmt;

use crate::address::AddressKey;
use crate::channel::{AddressFamily, Channel};
use crate::id::{AppId, EndpointId, Revision};
use crate::time::Timestamp;

/// Where an opt-out came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum OptOutSource {
    /// An operator or the app said so.
    Request,
    /// The recipient replied with an opt-out keyword.
    Reply,
    Unsubscribe,
    Complaint,
    /// The mailbox doesn't exist.
    HardBounce,
}

/// A recipient who wants no messages of an app on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct OptOut {
    pub app: AppId,
    pub key: AddressKey,
    pub channel: Channel,
    pub source: OptOutSource,
    /// When it was first recorded; repeating it keeps the time.
    pub time: Timestamp,
}

/// A list of telephone numbers that opted out of everything that is sent from the origination identities of the list,
/// whichever app sends it (Pinpoint SMS and voice v2, opt-out lists). Lists can't be made yet: there is
/// [`OptOutList::DEFAULT`], and every identity is of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptOutList(Cow<'static, str>);

impl OptOutList {
    /// The list that is always there, under its name in Pinpoint.
    pub const DEFAULT: OptOutList = OptOutList(Cow::Borrowed("Default"));

    /// Returns the list that messages of a channel go by; nothing where addresses are no telephone numbers.
    pub fn of(channel: Channel) -> Option<OptOutList> {
        (channel.address_family() == AddressFamily::Telephone).then_some(OptOutList::DEFAULT)
    }

    /// Takes back a name that was known when it was stored.
    pub fn from_stored(name: String) -> OptOutList {
        OptOutList(Cow::Owned(name))
    }

    /// Returns the list's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OptOutList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A telephone number in an opt-out list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct ListedOptOut {
    pub list: OptOutList,
    pub key: AddressKey,
    pub source: OptOutSource,
    /// When it was first recorded; repeating it keeps the time.
    pub time: Timestamp,
}

/// Why an endpoint forbids messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockReason {
    /// The endpoint's OptOut is ALL: nothing goes to its address on its channel, however addressed.
    OptedOut,
    /// The endpoint is inactive: nothing goes to this endpoint.
    Inactive,
    /// The endpoint was deleted: nothing goes to this endpoint.
    Deleted,
}

/// What an endpoint forbids, stored where its address' messages are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Block {
    pub app: AppId,
    pub key: AddressKey,
    pub endpoint: EndpointId,
    pub channel: Channel,
    pub reason: BlockReason,
    /// The revision of the endpoint that this was taken from; an older one never replaces a newer one.
    pub revision: Revision,
}
