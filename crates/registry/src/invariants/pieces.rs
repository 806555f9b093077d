//! Rules of bodies in pieces: each piece belongs to one body, and each body has its pieces.

use std::collections::{BTreeMap, BTreeSet};

use model::body::{BodyContent, PIECES_MAX};
use model::id::{AppId, BodyId};
use model::time::Timestamp;

use super::broken::{Broken, all, hold};
use crate::tables::{Bodies, OpenBodies, OpenBodyAges, Pieces, RowAccess, View};

/// The pieces are those of open bodies and of bodies in pieces, with their sizes; no body is both. Each open one is
/// listed by its age. (A whole body may have the id of an open one: it has no pieces, and the open one goes by age.)
pub(super) fn invariant_pieces<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_pieces";
    let mut found: BTreeMap<(AppId, BodyId), BTreeMap<u32, u32>> = BTreeMap::new();
    for ((app, body, number), piece) in all::<Pieces>(view, &(AppId(0), BodyId(0), 0))? {
        found.entry((app, body)).or_default().insert(number, piece.0.len() as u32);
    }
    let mut ages = BTreeSet::new();
    for (key, open) in all::<OpenBodies>(view, &(AppId(0), BodyId(0)))? {
        ages.insert((open.since, key.0, key.1));
        let closed = view.row::<Bodies>(&key)?.is_some_and(|body| matches!(body.content, BodyContent::Pieces(_)));
        let fits = !open.sizes.is_empty()
            && open.count <= PIECES_MAX
            && open.sizes.keys().all(|number| *number < open.count)
            && found.remove(&key).as_ref() == Some(&open.sizes);
        hold(rule, fits && !closed, || format!("open body {key:?} is {open:?}"))?;
    }
    for (key, body) in all::<Bodies>(view, &(AppId(0), BodyId(0)))? {
        if let BodyContent::Pieces(pieces) = body.content {
            let sizes = found.remove(&key).unwrap_or_default();
            let bytes: u64 = sizes.values().map(|size| u64::from(*size)).sum();
            let fits = sizes.keys().copied().eq(0..pieces.count) && bytes == pieces.bytes;
            hold(rule, fits, || format!("body {key:?} has {sizes:?}, not {pieces:?}"))?;
        }
    }
    hold(rule, found.is_empty(), || format!("pieces of no body: {:?}", found.keys()))?;
    let listed = all::<OpenBodyAges>(view, &(Timestamp(0), AppId(0), BodyId(0)))?;
    let listed: BTreeSet<_> = listed.into_iter().map(|(key, ())| key).collect();
    hold(rule, listed == ages, || format!("listed {listed:?}, expected {ages:?}"))
}
