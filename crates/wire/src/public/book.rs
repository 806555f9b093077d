//! Books.

use model::books::Books;

use crate::v1;

impl From<Books> for v1::Books {
    fn from(books: Books) -> v1::Books {
        v1::Books {
            accepted: books.accepted,
            delivered: books.delivered,
            failed: books.failed,
            opted_out: books.opted_out,
            expired: books.expired,
            held: books.held,
            pending: books.pending,
        }
    }
}
