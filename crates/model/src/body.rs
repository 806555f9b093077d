//! What messages of a request share: their content, whole, or in pieces when it is larger than a command may be.
//!
//! A piece is a part of the content's stored form. Pieces go through the log before the command that accepts the
//! messages; until then the body is open, and is forgotten when nobody accepts it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::content::{Content, Purpose};
use crate::id::{AppId, BodyId};
use crate::time::Timestamp;

/// The largest number of pieces of a body: room for the largest email, with its mailboxes and header fields.
pub const PIECES_MAX: u32 = 24;

/// How long the pieces of an open body are kept, from the first of them: longer than any request waits for the log.
pub const OPEN_BODY_KEPT: Duration = Duration::from_secs(15 * 60);

/// What a body says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyContent {
    /// The content itself.
    Whole(Content),
    /// It is in pieces of its own.
    Pieces(Pieces),
}

/// A content that is in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Pieces {
    /// How many pieces there are; 1..=[`PIECES_MAX`], numbered from 0.
    pub count: u32,
    /// The bytes of all of them.
    pub bytes: u64,
    pub purpose: Purpose,
}

/// A piece of a content's stored form; 1 to `PIECE_BYTES_MAX` bytes, as many as half a command may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece(pub Vec<u8>);

/// A body whose pieces come in, before messages are accepted with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBody {
    /// How many pieces it will have.
    pub count: u32,
    /// The bytes of the pieces that are here, by their number.
    pub sizes: BTreeMap<u32, u32>,
    /// When the first of them came.
    pub since: Timestamp,
}

/// Puts a piece of a body, before messages are accepted with it. Pieces come in any order; a repeated one changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct PutPiece {
    pub app: AppId,
    /// The body's id, drawn at the listener.
    pub body: BodyId,
    /// Which piece it is; below `count`.
    pub number: u32,
    /// How many pieces the body has; 1..=[`PIECES_MAX`].
    pub count: u32,
    pub piece: Piece,
}

impl BodyContent {
    /// Returns the purpose of the content; see [`Content::purpose`].
    pub fn purpose(&self) -> Purpose {
        match self {
            BodyContent::Whole(content) => content.purpose(),
            BodyContent::Pieces(pieces) => pieces.purpose,
        }
    }
}

impl OpenBody {
    /// Says whether all pieces are here, and are these.
    pub fn is(&self, pieces: &Pieces) -> bool {
        let bytes: u64 = self.sizes.values().map(|size| u64::from(*size)).sum();
        self.count == pieces.count && self.sizes.len() == pieces.count as usize && bytes == pieces.bytes
    }
}
