//! Finds circles of files in the sources of a crate: files of which each needs another one, until the first is needed
//! again. Reads tokens, not types: what a macro makes or a method call reaches is not seen.

mod graph;

mod names;
mod tokens;

pub use graph::Crate;
