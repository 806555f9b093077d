//! The books: where the accepted messages are.

use std::collections::BTreeMap;

use model::books::Books;
use model::id::{AppId, GroupId};
use registry::tables::{BooksOf, ReadRows, View};

use super::{PAGE_MAX, Service};
use crate::error::ServiceError;

impl Service {
    /// Returns the counts of one app, or of every app, by partition and app, as this region applied them.
    ///
    /// # Errors
    /// When a partition can't be read here.
    pub async fn books(&self, app: Option<AppId>) -> Result<BTreeMap<(GroupId, AppId), Books>, ServiceError> {
        let mut books = BTreeMap::new();
        for group in GroupId::partitions(self.facts.partitions) {
            let look = |view: &dyn View| match app {
                Some(app) => Ok(ReadRows::<BooksOf>::get(view, &app)?.map(|row| (app, row)).into_iter().collect()),
                None => Ok(ReadRows::<BooksOf>::scan(view, &AppId(0), PAGE_MAX)?),
            };
            let rows: Vec<(AppId, Books)> = self.read(group, look).await?;
            books.extend(rows.into_iter().map(|(app, row)| ((group, app), row)));
        }
        Ok(books)
    }
}
