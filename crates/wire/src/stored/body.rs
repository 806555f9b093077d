//! Bodies that messages share, whole and in pieces.

use model::body::{BodyContent, OpenBody, Piece, Pieces, PutPiece};
use model::content::Content;
use model::message::Body;
use model::{AppId, BodyId, Timestamp};

use super::content::lists;
use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{Within as _, code, required};
use crate::state;

/// Writes what a body says, into the field for contents or that for pieces.
pub(super) fn write_content(writer: &mut Writer<'_>, (whole, pieces): (u32, u32), content: &BodyContent) {
    match content {
        BodyContent::Whole(content) => writer.message(whole, content),
        BodyContent::Pieces(of) => writer.message(pieces, of),
    }
}

fn whole(content: state::Content) -> Result<BodyContent, InvalidField> {
    Content::read(content).map(BodyContent::Whole).within("content")
}

fn in_pieces(pieces: state::Pieces) -> Result<BodyContent, InvalidField> {
    Pieces::read(pieces).map(BodyContent::Pieces).within("pieces")
}

/// Parses what the body of a command says.
pub(super) fn content_of_command(
    content: Option<state::accept_messages::BodyContent>,
) -> Result<BodyContent, InvalidField> {
    use state::accept_messages::BodyContent as Kind;
    match required(content, "content")? {
        Kind::Content(content) => whole(content),
        Kind::Pieces(pieces) => in_pieces(pieces),
    }
}

impl Form for Body {
    type Generated = state::Body;

    fn write(&self, writer: &mut Writer<'_>) {
        write_content(writer, (1, 5), &self.content);
        writer.lists(2, &self.substitutions);
        writer.uint(3, self.references);
        writer.text_if_given(4, self.trace.as_deref());
    }

    fn read(row: state::Body) -> Result<Body, InvalidField> {
        use state::body::BodyContent as Kind;
        let content = match required(row.body_content, "content")? {
            Kind::Content(content) => whole(content)?,
            Kind::Pieces(pieces) => in_pieces(pieces)?,
        };
        let substitutions = lists(row.substitutions);
        Ok(Body { content, substitutions, trace: row.trace, references: row.references })
    }
}

impl Form for Pieces {
    type Generated = state::Pieces;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, u64::from(self.count));
        writer.uint(2, self.bytes);
        writer.code(3, self.purpose);
    }

    fn read(row: state::Pieces) -> Result<Pieces, InvalidField> {
        Ok(Pieces { count: row.count, bytes: row.bytes, purpose: code(row.purpose, "purpose")? })
    }
}

impl Form for Piece {
    type Generated = state::Piece;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.bytes(1, &self.0);
    }

    fn read(row: state::Piece) -> Result<Piece, InvalidField> {
        Ok(Piece(row.data.into()))
    }
}

impl Form for OpenBody {
    type Generated = state::OpenBody;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, u64::from(self.count));
        for (number, size) in &self.sizes {
            writer.nested(2, |entry| {
                entry.uint(1, u64::from(*number));
                entry.uint(2, u64::from(*size));
            });
        }
        writer.uint(3, self.since.0);
    }

    fn read(row: state::OpenBody) -> Result<OpenBody, InvalidField> {
        Ok(OpenBody { count: row.count, sizes: row.sizes, since: Timestamp(row.since_ms) })
    }
}

impl Form for PutPiece {
    type Generated = state::PutPiece;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        writer.id(2, self.body.0);
        writer.uint(3, u64::from(self.number));
        writer.uint(4, u64::from(self.count));
        writer.message(5, &self.piece);
    }

    fn read(put: state::PutPiece) -> Result<PutPiece, InvalidField> {
        Ok(PutPiece {
            app: required(put.app, "app").map(AppId::from)?,
            body: required(put.body, "body").map(BodyId::from)?,
            number: put.number,
            count: put.count,
            piece: Piece::read(required(put.piece, "piece")?)?,
        })
    }
}
