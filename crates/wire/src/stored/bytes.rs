//! A value and its bytes.

use crate::error::WireError;

/// A value that is kept in a log or a state database. Implemented for the rows of every table, and for
/// [`model::Proposal`], [`model::Outcome`] and [`model::cluster::NodeInfo`].
///
/// Encoding is deterministic: equal values have equal bytes on every node. Decoding what was encoded gives the value
/// back.
pub trait Stored: Sized {
    /// Appends the bytes of the value to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Parses exactly the bytes of one value.
    ///
    /// # Errors
    /// When the bytes are no encoding of such a value, or hold something that this program doesn't know: an enum value,
    /// a command. The node that stored them must stop.
    fn decode(bytes: &[u8]) -> Result<Self, WireError>;

    /// Returns the bytes of the value.
    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}
