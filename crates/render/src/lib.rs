//! Floor 3: fills the variables of a content. Pure in effect: no IO, no clock; it lives on floor 3 because it owns the
//! template engine (Handlebars) and its data format.
//!
//! Offered are variables: `{{name}}`, `{{a.b.c}}`, `{{a.[1]}}`, comments, `\{{` for a literal `{{`. Helpers and blocks
//! are refused by name. A variable without a value leaves nothing (Pinpoint user guide, "Personalizing messages").

mod error;
mod prepared;
mod tags;
mod template;
mod values;

pub use error::{Part, RenderError, Unit};
pub use prepared::{Prepared, render};
pub use values::Values;
