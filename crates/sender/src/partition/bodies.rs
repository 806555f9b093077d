//! What the messages of a partition say: bodies that were read and parsed, within a number and a sum of bytes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::body::{BodyContent, Pieces};
use model::content::{Content, Substitutions};
use model::{AppId, BodyId, Message};
use registry::tables::{Bodies as BodiesTable, Pieces as PiecesTable, RowAccess, Table, TableError, View};
use render::{Prepared, RenderError};
use wire::Stored as _;

/// The largest number of parsed bodies kept.
const BODIES_KEPT: usize = 256;
/// The largest sum of their contents, in bytes. The latest one is kept however large it is.
const BODIES_BYTES_MAX: usize = 16 << 20;

type BodyKey = (AppId, BodyId);

/// Bodies that were parsed, the oldest forgotten first.
#[derive(Default)]
pub(super) struct Bodies {
    parsed: BTreeMap<BodyKey, (Body, usize)>,
    order: VecDeque<BodyKey>,
    bytes: usize,
}

/// A parsed body.
#[derive(Clone)]
pub(super) struct Body {
    pub content: Result<Prepared, RenderError>,
    pub substitutions: Arc<Substitutions>,
    pub trace: Option<Arc<str>>,
}

impl Bodies {
    /// Returns the body of a message, unless the message is gone with it.
    ///
    /// # Errors
    /// When the tables can't be read, or pieces of the body are missing or are none of a content.
    pub fn of(&mut self, view: &dyn View, message: &Message) -> Result<Option<Body>, TableError> {
        let key = (message.app, message.body);
        if let Some((body, _)) = self.parsed.get(&key) {
            return Ok(Some(body.clone()));
        }
        let Some(row) = view.row::<BodiesTable>(&key)? else { return Ok(None) };
        let content = match row.content {
            BodyContent::Whole(content) => content,
            BodyContent::Pieces(pieces) => joined(view, key, &pieces)?,
        };
        let bytes = content.bytes();
        let body = Body {
            content: Prepared::new(content),
            substitutions: Arc::new(row.substitutions),
            trace: row.trace.map(Arc::from),
        };
        self.keep(key, body.clone(), bytes);
        Ok(Some(body))
    }

    fn keep(&mut self, key: BodyKey, body: Body, bytes: usize) {
        self.parsed.insert(key, (body, bytes));
        self.order.push_back(key);
        self.bytes += bytes;
        while self.order.len() > 1 && (self.order.len() > BODIES_KEPT || self.bytes > BODIES_BYTES_MAX) {
            let oldest = self.order.pop_front().and_then(|oldest| self.parsed.remove(&oldest));
            self.bytes -= oldest.map_or(0, |(_, bytes)| bytes);
        }
    }
}

/// Reads a content that is in pieces.
fn joined(view: &dyn View, (app, body): BodyKey, pieces: &Pieces) -> Result<Content, TableError> {
    let mut bytes = Vec::with_capacity(usize::try_from(pieces.bytes).unwrap_or_default());
    for number in 0..pieces.count {
        bytes.extend(view.promised_row::<PiecesTable>(&(app, body, number))?.0);
    }
    Content::decode(&bytes).map_err(|error| TableError {
        table: PiecesTable::NAME,
        detail: format!("the pieces of body {body} are no content: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Body {
        let content = Prepared::new(Content::Custom { data: "{}".to_owned() });
        Body { content, substitutions: Arc::default(), trace: None }
    }

    fn kept(sizes: &[usize]) -> (usize, usize) {
        let mut bodies = Bodies::default();
        for (number, bytes) in sizes.iter().enumerate() {
            bodies.keep((AppId(1), BodyId(number as u128)), body(), *bytes);
        }
        assert_eq!(bodies.order.len(), bodies.parsed.len());
        assert_eq!(bodies.bytes, bodies.parsed.values().map(|(_, bytes)| bytes).sum::<usize>());
        (bodies.parsed.len(), bodies.bytes)
    }

    #[test]
    fn parsed_bodies_are_bounded_in_number_and_in_bytes() {
        assert_eq!(kept(&[1; 300]), (BODIES_KEPT, BODIES_KEPT));
        assert_eq!(kept(&[10 << 20; 3]), (1, 10 << 20));
        assert_eq!(kept(&[1, 1, BODIES_BYTES_MAX + 1]), (1, BODIES_BYTES_MAX + 1));
        assert_eq!(kept(&[BODIES_BYTES_MAX, 1, 2]), (2, 3));
    }
}
