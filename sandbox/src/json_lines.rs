//! Answers with what is kept as JSON lines, oldest first, however much it is: the store is looked at in slices while
//! the reader reads, so an answer takes little memory and holds nobody up.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::problem::Problem;
use crate::retention::{Cost, Look, Window};
use crate::state::Shared;
use crate::store::Store;

/// One look at the store: well under a millisecond, then others get the lock.
pub(crate) const LOOK: Look = Look { scan_max: 4_096, take_max: 256 };

/// What to answer with.
pub(crate) struct Lines<T> {
    /// Where the entries are.
    pub(crate) window: fn(&Store) -> &Window<T>,
    /// Which of them.
    pub(crate) wanted: Box<dyn Fn(&T) -> bool + Send + Sync>,
    /// Writes one entry, given with its number, without a line break.
    pub(crate) encode: fn(u64, &T, &mut Vec<u8>),
    /// Only the newest so many of them; absent: all.
    pub(crate) newest: Option<u64>,
}

/// How far an answer has come.
struct Progress<T> {
    shared: Arc<Shared>,
    lines: Lines<T>,
    next: Option<u64>,
    last: u64,
}

impl<T: Cost + Send + Sync + 'static> Lines<T> {
    /// Answers with what is kept when it is asked; what falls out before it is read is left out.
    pub(crate) async fn respond(self, shared: Arc<Shared>) -> Response {
        let last = (self.window)(&shared.store()).last_seq();
        let next = self.first(&shared, last).await;
        let progress = Progress { shared, lines: self, next, last };
        let stream = futures::stream::unfold(progress, |mut progress| async move {
            let chunk = progress.next_chunk().await?;
            Some((Ok::<_, std::convert::Infallible>(chunk), progress))
        });
        ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream)).into_response()
    }

    /// The number to begin with, or `None` when nothing is wanted.
    async fn first(&self, shared: &Shared, last: u64) -> Option<u64> {
        let Some(mut missing) = self.newest else {
            return Some(0);
        };
        let (mut first, mut before) = (None, Some(last + 1));
        while let (Some(from), true) = (before, missing > 0) {
            let take_max = usize::try_from(missing).unwrap_or(usize::MAX).min(LOOK.take_max);
            let slice = (self.window)(&shared.store()).backward(from, Look { take_max, ..LOOK }, &self.wanted);
            missing -= slice.found.len() as u64;
            first = slice.found.last().map(|(seq, _)| *seq).or(first);
            before = slice.next;
            tokio::task::yield_now().await;
        }
        first
    }
}

impl<T: Cost> Progress<T> {
    async fn next_chunk(&mut self) -> Option<Bytes> {
        let mut text = Vec::new();
        while let (Some(from), true) = (self.next, text.is_empty()) {
            let slice = (self.lines.window)(&self.shared.store()).forward(from, LOOK, &self.lines.wanted);
            for (seq, entry) in slice.found.iter().filter(|(seq, _)| *seq <= self.last) {
                (self.lines.encode)(*seq, entry, &mut text);
                text.push(b'\n');
            }
            self.next = slice.next.filter(|next| *next <= self.last);
            tokio::task::yield_now().await;
        }
        (!text.is_empty()).then(|| text.into())
    }
}

/// Reads a `limit` as it stands in a query string; empty is as good as absent.
pub(crate) fn limit(text: Option<&str>) -> Result<Option<u64>, Problem> {
    let parse = |text: &str| {
        text.parse().map_err(|_| Problem::field("limit", format!("{text:?} must be a whole number, 0 or more")))
    };
    text.filter(|text| !text.is_empty()).map(parse).transpose()
}
