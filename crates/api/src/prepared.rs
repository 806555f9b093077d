//! Contents as both listeners take them: within their limits, parsed once, and filled for each recipient before its
//! message is accepted, so that nobody is told that a message goes out which can't be sent.

use std::sync::Arc;

use model::content::{Content, Substitutions};
use render::{Part, RenderError, Values};
use service::ServiceError;
use service::ports::PreparedContent;

use crate::limits::{self, ContentNames};

/// A content that was parsed.
#[derive(Debug)]
struct Prepared(render::Prepared);

/// Checks a content and parses its texts.
/// Refused with the name of the member that is over a limit, or whose template is malformed or isn't offered.
pub(crate) fn prepare(content: Content, names: &ContentNames<'_>) -> Result<Arc<dyn PreparedContent>, ServiceError> {
    limits::content(&content, names)?;
    match render::Prepared::new(content) {
        Ok(prepared) => Ok(Arc::new(Prepared(prepared))),
        Err(error) => Err(ServiceError::invalid(names.of(part_of(&error)), reason(&error))),
    }
}

impl PreparedContent for Prepared {
    fn content(&self) -> &Content {
        self.0.content()
    }

    fn check(&self, recipient: &Substitutions, message: &Substitutions) -> Result<(), String> {
        // A message carries what it uses of its endpoint among the recipient's own values.
        let values = Values { recipient, message, attributes: &Substitutions::new() };
        self.0.render(values).map(|_filled| ()).map_err(|error| reason(&error))
    }
}

fn reason(error: &RenderError) -> String {
    format!("can't {error}")
}

fn part_of(error: &RenderError) -> Part {
    match error {
        RenderError::Syntax { part, .. }
        | RenderError::Unsupported { part, .. }
        | RenderError::BreaksLine { part }
        | RenderError::Empty { part }
        | RenderError::TooLong { part, .. } => *part,
    }
}
