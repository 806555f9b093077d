//! The books. In JSON: `total`, and `apps` with a `total` and `groups` each.

use serde::Serialize;
use wire::v1;

use crate::console::{View, table};

/// The books of one app or of all.
#[derive(Debug, Serialize)]
pub struct BooksView {
    total: Counts,
    apps: Vec<AppBooks>,
}

#[derive(Debug, Serialize)]
struct AppBooks {
    app_id: String,
    total: Counts,
    groups: Vec<GroupBooks>,
}

#[derive(Debug, Serialize)]
struct GroupBooks {
    group: u32,
    #[serde(flatten)]
    counts: Counts,
}

/// `accepted` is the sum of all the others.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Counts {
    accepted: u64,
    delivered: u64,
    failed: u64,
    opted_out: u64,
    expired: u64,
    held: u64,
    pending: u64,
}

impl From<Option<v1::Books>> for Counts {
    fn from(books: Option<v1::Books>) -> Counts {
        books.map_or_else(Counts::default, |books| Counts {
            accepted: books.accepted,
            delivered: books.delivered,
            failed: books.failed,
            opted_out: books.opted_out,
            expired: books.expired,
            held: books.held,
            pending: books.pending,
        })
    }
}

impl From<v1::GetBooksResponse> for BooksView {
    fn from(response: v1::GetBooksResponse) -> BooksView {
        let group = |group: v1::GroupBooks| GroupBooks { group: group.group, counts: group.books.into() };
        let app = |app: v1::AppBooks| AppBooks {
            app_id: app.app_id,
            total: app.sum.into(),
            groups: app.groups.into_iter().map(group).collect(),
        };
        BooksView { total: response.sum.into(), apps: response.apps.into_iter().map(app).collect() }
    }
}

impl View for BooksView {
    fn text(&self) -> String {
        let mut rows: Vec<[String; 8]> = self.apps.iter().map(|app| app.total.row(&app.app_id)).collect();
        rows.push(self.total.row("total"));
        table(["APP", "ACCEPTED", "DELIVERED", "FAILED", "OPTED OUT", "EXPIRED", "HELD", "PENDING"], rows)
    }
}

impl Counts {
    fn row(&self, name: &str) -> [String; 8] {
        [
            name.to_owned(),
            self.accepted.to_string(),
            self.delivered.to_string(),
            self.failed.to_string(),
            self.opted_out.to_string(),
            self.expired.to_string(),
            self.held.to_string(),
            self.pending.to_string(),
        ]
    }
}
