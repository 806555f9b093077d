//! Bodies that are larger than a command may be. Their pieces come in while the body is open; the first messages that
//! are accepted with it close it, and from then on the pieces go with the body. An open body that nobody accepts goes
//! by its age, or with its app.

use std::collections::BTreeMap;
use std::ops::Range;

use model::body::{BodyContent, OPEN_BODY_KEPT, OpenBody, PIECES_MAX, Pieces as Of, PutPiece};
use model::command::PIECE_BYTES_MAX;
use model::id::{AppId, BodyId};
use model::outcome::{Outcome, Refusal};
use model::time::Timestamp;

use crate::step::Step;
use crate::tables::{Bodies, OpenBodies, OpenBodyAges, Pieces, RowAccess, TableError, Tables};

/// A body's key.
type BodyKey = (AppId, BodyId);

/// Puts a piece. One that is there already changes nothing.
pub(crate) fn put<T: Tables + ?Sized>(step: &mut Step<'_, T>, put: &PutPiece) -> Result<Outcome, TableError> {
    if step.live_send_state(put.app)?.is_none() {
        return Ok(Outcome::Refused(Refusal::AppNotFound));
    }
    let size = match size(put) {
        Ok(size) => size,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let key = (put.app, put.body);
    if let Some(body) = step.tables.row::<Bodies>(&key)? {
        let same = matches!(body.content, BodyContent::Pieces(of) if of.count == put.count);
        return Ok(if same { Outcome::Done } else { Outcome::Refused(invalid("the body exists, and isn't this one")) });
    }
    let known = step.tables.row::<OpenBodies>(&key)?;
    let is_new = known.is_none();
    let mut open = known.unwrap_or_else(|| OpenBody { count: put.count, sizes: BTreeMap::new(), since: step.now });
    if open.count != put.count {
        let text = format!("the body has {} pieces, not {}", open.count, put.count);
        return Ok(Outcome::Refused(invalid(&text)));
    }
    match open.sizes.insert(put.number, size) {
        Some(found) if found != size => return Ok(Outcome::Refused(invalid("it came before with another size"))),
        Some(_) => return Ok(Outcome::Done),
        None => {}
    }
    if is_new {
        step.tables.store_row::<OpenBodyAges>((open.since, key.0, key.1), ());
    }
    step.tables.store_row::<Pieces>((key.0, key.1, put.number), put.piece.clone());
    step.tables.store_row::<OpenBodies>(key, open);
    Ok(Outcome::Done)
}

/// Returns the bytes of a piece that can be.
fn size(put: &PutPiece) -> Result<u32, Refusal> {
    let PutPiece { number, count, piece, .. } = put;
    if !(1..=PIECES_MAX).contains(count) || number >= count {
        return Err(invalid(&format!("number {number} of {count}, at most {PIECES_MAX} are allowed")));
    }
    match u32::try_from(piece.0.len()) {
        Ok(size) if (1..=PIECE_BYTES_MAX).contains(&piece.0.len()) => Ok(size),
        _ => Err(invalid(&format!("1 to {PIECE_BYTES_MAX} bytes are allowed, found {}", piece.0.len()))),
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::PieceInvalid(why.to_owned())
}

/// Says whether the group has all these pieces of a body, open or not.
pub(super) fn all_here<T: Tables + ?Sized>(step: &Step<'_, T>, key: BodyKey, pieces: &Of) -> Result<bool, TableError> {
    if let Some(body) = step.tables.row::<Bodies>(&key)? {
        return Ok(matches!(&body.content, BodyContent::Pieces(found) if found == pieces));
    }
    Ok(step.tables.row::<OpenBodies>(&key)?.is_some_and(|open| open.is(pieces)))
}

/// Closes an open body, whose pieces stay: they are those of a body now.
pub(super) fn close<T: Tables + ?Sized>(step: &mut Step<'_, T>, key: BodyKey) -> Result<(), TableError> {
    let open = step.tables.promised_row::<OpenBodies>(&key)?;
    step.tables.remove_row::<OpenBodies>(&key);
    step.tables.remove_row::<OpenBodyAges>(&(open.since, key.0, key.1));
    Ok(())
}

/// Removes pieces of a body.
pub(super) fn remove<T: Tables + ?Sized>(step: &mut Step<'_, T>, (app, body): BodyKey, numbers: Range<u32>) {
    numbers.for_each(|number| step.tables.remove_row::<Pieces>(&(app, body, number)));
}

/// Removes an open body with the pieces that came.
pub(crate) fn remove_open<T: Tables + ?Sized>(step: &mut Step<'_, T>, key: BodyKey, open: &OpenBody) {
    for number in open.sizes.keys() {
        step.tables.remove_row::<Pieces>(&(key.0, key.1, *number));
    }
    step.tables.remove_row::<OpenBodies>(&key);
    step.tables.remove_row::<OpenBodyAges>(&(open.since, key.0, key.1));
}

/// Removes open bodies that nobody accepted in time. Answers how many, and whether there are more.
pub(crate) fn retire_open<T: Tables + ?Sized>(step: &mut Step<'_, T>, limit: usize) -> Result<(u32, bool), TableError> {
    let now = step.now;
    let from = (Timestamp(0), AppId(0), BodyId(0));
    let mut rows = step.tables.rows_while::<OpenBodyAges>(&from, limit + 1, |key| key.0.plus(OPEN_BODY_KEPT) <= now)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    for ((_, app, body), ()) in &rows {
        let open = step.tables.promised_row::<OpenBodies>(&(*app, *body))?;
        remove_open(step, (*app, *body), &open);
    }
    Ok((rows.len() as u32, more))
}
