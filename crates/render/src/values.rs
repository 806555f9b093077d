//! The values of variables, from the sources that a message has, as the engine reads them.

use handlebars::{Context, JsonValue};
use model::content::{Substitutions, VALUE_NAME_PARTS_MAX};
use serde_json::Map;

/// Values by name. Names are dotted paths (`User.UserAttributes.FirstName`) or plain words. Where two sources give a
/// name, the recipient's wins over the message's, and the message's over the attributes (wire facts, section 7).
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// For this recipient alone.
    pub recipient: &'a Substitutions,
    /// For all recipients of the message's request.
    pub message: &'a Substitutions,
    /// Of the endpoint and its user, where the message doesn't carry them among the recipient's already.
    pub attributes: &'a Substitutions,
}

impl Values<'_> {
    /// Builds the tree that templates look into: `a.b` stands below `a`. A name that is both a value and the beginning
    /// of a longer one is what the stronger source says; within one source, the longer one.
    pub(crate) fn into_context(self) -> Context {
        let mut root = Map::new();
        for source in [self.attributes, self.message, self.recipient] {
            for (name, values) in source {
                insert(&mut root, name, values);
            }
        }
        let mut context = Context::null();
        *context.data_mut() = JsonValue::Object(root);
        context
    }
}

/// Puts values into the tree, at most [`VALUE_NAME_PARTS_MAX`] levels deep: dropping a tree takes a call for each of its
/// levels. What a longer name has beyond that stays one part, which no variable names.
fn insert(root: &mut Map<String, JsonValue>, name: &str, values: &[String]) {
    let mut map = root;
    let mut rest = name;
    for _ in 1..VALUE_NAME_PARTS_MAX {
        let Some((first, longer)) = rest.split_once('.') else { break };
        let below = map.entry(first).or_insert_with(|| JsonValue::Object(Map::new()));
        if !below.is_object() {
            *below = JsonValue::Object(Map::new());
        }
        let JsonValue::Object(next) = below else { return };
        (map, rest) = (next, longer);
    }
    let list = values.iter().cloned().map(JsonValue::String).collect();
    map.insert(rest.to_owned(), JsonValue::Array(list));
}
