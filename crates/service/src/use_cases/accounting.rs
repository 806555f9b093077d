//! The accounting: where the accepted messages are.

use std::collections::BTreeMap;

use model::accounting::Accounting;
use model::id::{AppId, GroupId};
use registry::tables::{AccountingOf, ReadRows, View};

use super::{PAGE_MAX, Service};
use crate::error::ServiceError;

impl Service {
    /// Returns the counts of one app, or of every app, by partition and app, as this region applied them.
    ///
    /// # Errors
    /// When a partition can't be read here.
    pub async fn accounting(&self, app: Option<AppId>) -> Result<BTreeMap<(GroupId, AppId), Accounting>, ServiceError> {
        let mut accounting = BTreeMap::new();
        for group in GroupId::partitions(self.facts.partitions) {
            let look = |view: &dyn View| match app {
                Some(app) => Ok(ReadRows::<AccountingOf>::get(view, &app)?.map(|row| (app, row)).into_iter().collect()),
                None => Ok(ReadRows::<AccountingOf>::scan(view, &AppId(0), PAGE_MAX)?),
            };
            let rows: Vec<(AppId, Accounting)> = self.read(group, look).await?;
            accounting.extend(rows.into_iter().map(|(app, row)| ((group, app), row)));
        }
        Ok(accounting)
    }
}
