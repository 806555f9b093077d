//! Accounting.

use model::accounting::Accounting;

use crate::v1;

impl From<Accounting> for v1::AccountingTotals {
    fn from(accounting: Accounting) -> v1::AccountingTotals {
        v1::AccountingTotals {
            accepted: accounting.accepted,
            delivered: accounting.delivered,
            failed: accounting.failed,
            opted_out: accounting.opted_out,
            expired: accounting.expired,
            held: accounting.held,
            pending: accounting.pending,
        }
    }
}
