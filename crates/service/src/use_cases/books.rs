//! The books: where the accepted messages are.

use std::collections::BTreeMap;

use model::books::Books;
use model::id::{AppId, GroupId};
use registry::tables::{BooksOf, ReadRows};

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
            let view = self.view(group)?;
            let rows = match app {
                Some(app) => ReadRows::<BooksOf>::get(&*view, &app)?.map(|row| (app, row)).into_iter().collect(),
                None => ReadRows::<BooksOf>::scan(&*view, &AppId(0), PAGE_MAX)?,
            };
            books.extend(rows.into_iter().map(|(app, row)| ((group, app), row)));
        }
        Ok(books)
    }
}
