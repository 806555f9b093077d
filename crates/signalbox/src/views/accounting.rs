//! The accounting. In JSON: `total`, and `apps` with a `total` and `groups` each.

use serde::Serialize;
use wire::v1;

use crate::console::{View, table};

/// The accounting of one app or of all.
#[derive(Debug, Serialize)]
pub struct AccountingView {
    total: Counts,
    apps: Vec<AppAccounting>,
}

#[derive(Debug, Serialize)]
struct AppAccounting {
    app_id: String,
    total: Counts,
    groups: Vec<GroupAccounting>,
}

#[derive(Debug, Serialize)]
struct GroupAccounting {
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

impl From<Option<v1::AccountingTotals>> for Counts {
    fn from(accounting: Option<v1::AccountingTotals>) -> Counts {
        accounting.map_or_else(Counts::default, |accounting| Counts {
            accepted: accounting.accepted,
            delivered: accounting.delivered,
            failed: accounting.failed,
            opted_out: accounting.opted_out,
            expired: accounting.expired,
            held: accounting.held,
            pending: accounting.pending,
        })
    }
}

impl From<v1::GetAccountingResponse> for AccountingView {
    fn from(response: v1::GetAccountingResponse) -> AccountingView {
        let group = |group: v1::GroupAccounting| GroupAccounting { group: group.group, counts: group.totals.into() };
        let app = |app: v1::AppAccounting| AppAccounting {
            app_id: app.app_id,
            total: app.sum.into(),
            groups: app.groups.into_iter().map(group).collect(),
        };
        AccountingView { total: response.sum.into(), apps: response.apps.into_iter().map(app).collect() }
    }
}

impl View for AccountingView {
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
