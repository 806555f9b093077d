//! The verdict of a run, for an operator: a page with everything on it, and a few lines for a terminal. Pure: both are
//! made from the history and what the checks found.

mod dots;
mod markup;
mod page;
mod plot;
mod scale;
mod series;
mod tables;
mod text;

#[cfg(test)]
mod tests;

pub use page::page;
pub use text::text;
