//! What a broken rule is, and the two words in which rules are written.

use crate::tables::{ReadRows, RowAccess, Rows, Table, TableError, View};

/// Says which rule the tables break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum Broken {
    #[error("{rule} does not hold: {detail}")]
    Rule { rule: &'static str, detail: String },
    /// The tables can't be read.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Returns every row of a table whose smallest possible key is `first`.
pub(super) fn all<T: Table>(view: &(impl View + ReadRows<T> + ?Sized), first: &T::Key) -> Result<Rows<T>, TableError> {
    view.rows_while::<T>(first, usize::MAX, |_| true)
}

/// Says that a rule is broken unless it holds.
pub(super) fn hold(rule: &'static str, holds: bool, detail: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::Rule { rule, detail: detail() }) }
}
