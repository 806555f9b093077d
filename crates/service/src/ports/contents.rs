//! What a message says and where it goes, as the edges know it: the listeners parse contents, and the sender's drivers
//! know addresses. The use cases ask both, so that nothing is accepted that can't be sent.

use std::fmt;

use model::address::Address;
use model::channel::Channel;
use model::content::{Content, Substitutions};

/// A content that a listener parsed, within the limits of its channel.
pub trait PreparedContent: fmt::Debug + Send + Sync {
    /// Returns the content, before its variables are filled in.
    fn content(&self) -> &Content;

    /// Fills the variables for one recipient. The recipient's values win over the message's.
    ///
    /// # Errors
    /// When what the recipient would get can't be sent, whoever sends it: why, without a value of the recipient's.
    fn check(&self, recipient: &Substitutions, message: &Substitutions) -> Result<(), String>;
}

/// What the drivers know of addresses.
pub trait Destinations: Send + Sync {
    /// Looks at an address alone; nothing is asked of a network.
    ///
    /// # Errors
    /// When the channel's driver will refuse every message to it for good: why.
    fn check(&self, channel: Channel, address: &Address) -> Result<(), String>;
}
