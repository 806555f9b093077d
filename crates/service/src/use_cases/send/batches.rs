//! Gathers the recipients of a request into commands: those of one partition, channel and content together, as many as
//! one command may hold. What is estimated here is never less than what the log counts, so that a request which is
//! within the limits of each of its recipients isn't too large as a whole.

use std::collections::BTreeMap;

use model::channel::Channel;
use model::command::{PROPOSAL_BYTES_MAX, Recipient};
use model::content::{Content, SmsRegistration, Substitutions};
use model::id::GroupId;

/// The most bytes that a field takes besides its value, with those of the message around it.
const FIELD_BYTES: usize = 16;
/// The most bytes of the fields of a command, or of a recipient, that have a fixed size.
const FIXED_BYTES: usize = 256;

/// What the recipients of a command share: the partition, the channel, for those with a content of their own their
/// place in the request, and the number of the command among those that share all this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchKey {
    pub(super) group: GroupId,
    pub(super) channel: Channel,
    pub(super) own: Option<usize>,
    pub(super) part: u32,
}

/// A recipient with its place in the request and its address as it was written.
pub(super) type Placed = (usize, String, Recipient);

/// Recipients, by the command that they belong to.
#[derive(Debug, Default)]
pub(super) struct Batches {
    batches: BTreeMap<BatchKey, Vec<Placed>>,
    /// The part that is filled, and how many bytes are left in it; by the key of the first part.
    filled: BTreeMap<BatchKey, (u32, usize)>,
}

impl Batches {
    /// Adds a recipient to those that share `first`, the key of the first part; `shared` counts the bytes of what each
    /// part has besides recipients. Must be called in the order of the places.
    pub(super) fn add(&mut self, first: BatchKey, shared: impl Fn() -> usize, (place, written, recipient): Placed) {
        let room = || PROPOSAL_BYTES_MAX.saturating_sub(shared());
        let needed = recipient_bytes(&recipient);
        let (part, left) = self.filled.entry(first).or_insert_with(|| (first.part, room()));
        if needed > *left && self.batches.contains_key(&BatchKey { part: *part, ..first }) {
            (*part, *left) = (*part + 1, room());
        }
        *left = left.saturating_sub(needed);
        self.batches.entry(BatchKey { part: *part, ..first }).or_default().push((place, written, recipient));
    }

    /// Returns the recipients of each command.
    pub(super) fn into_commands(self) -> impl Iterator<Item = (BatchKey, Vec<Placed>)> {
        self.batches.into_iter()
    }
}

/// Returns at least the bytes that a recipient takes in a command.
fn recipient_bytes(recipient: &Recipient) -> usize {
    let Recipient { message: _, address, key, endpoint, occurrence: _, substitutions, context } = recipient;
    let endpoint = endpoint.as_ref().map_or(0, |endpoint| endpoint.as_str().len());
    FIXED_BYTES
        + address.as_str().len()
        + key.as_str().len()
        + endpoint
        + values_bytes(substitutions)
        + texts_bytes(context)
}

/// Returns at least the bytes that a command takes besides its recipients.
pub(super) fn shared_bytes(
    content: &Content,
    substitutions: &Substitutions,
    trace: Option<&str>,
    context: &BTreeMap<String, String>,
) -> usize {
    FIXED_BYTES
        + content_bytes(content)
        + values_bytes(substitutions)
        + trace.map_or(0, text_bytes)
        + texts_bytes(context)
}

fn content_bytes(content: &Content) -> usize {
    let optional = |text: &Option<String>| text.as_deref().map_or(0, text_bytes);
    match content {
        Content::Sms { text, purpose: _, origination_number, sender_id, registration } => {
            let SmsRegistration { keyword, entity_id, template_id } = registration;
            let others = [origination_number, sender_id, keyword, entity_id, template_id];
            text_bytes(text) + others.into_iter().map(optional).sum::<usize>()
        }
        Content::Email { subject, html, text, from, reply_to, headers } => {
            let headers = headers.iter().map(|field| text_bytes(&field.name) + text_bytes(&field.value) + FIELD_BYTES);
            text_bytes(subject)
                + [html, text, from].into_iter().map(optional).sum::<usize>()
                + reply_to.iter().map(|mailbox| text_bytes(mailbox)).sum::<usize>()
                + headers.sum::<usize>()
        }
        Content::RawEmail { data, from } => FIELD_BYTES + data.len() + optional(from),
        Content::Custom { data } => text_bytes(data),
    }
}

fn text_bytes(text: &str) -> usize {
    FIELD_BYTES + text.len()
}

fn texts_bytes(texts: &BTreeMap<String, String>) -> usize {
    texts.iter().map(|(name, text)| FIELD_BYTES + text_bytes(name) + text_bytes(text)).sum()
}

fn values_bytes(values: &Substitutions) -> usize {
    let list = |list: &Vec<String>| list.iter().map(|value| text_bytes(value)).sum::<usize>();
    values.iter().map(|(name, values)| FIELD_BYTES + text_bytes(name) + FIELD_BYTES + list(values)).sum()
}

#[cfg(test)]
#[path = "batches_tests.rs"]
mod tests;
