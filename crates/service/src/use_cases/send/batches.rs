//! Gathers the recipients of a request into commands: those of one partition, channel and content together, as many as
//! one command may hold. A recipient with whose values the content doesn't fit into a command gets it in pieces. What
//! is estimated here is never less than what the log counts, so that a request which is within the limits of each of
//! its recipients isn't too large as a whole.

use std::collections::BTreeMap;

use model::channel::Channel;
use model::command::{PROPOSAL_BYTES_MAX, Recipient};
use model::content::{Content, SmsRegistration, Substitutions};
use model::id::GroupId;

/// The most bytes that a field takes besides its value, with those of the message around it.
const FIELD_BYTES: usize = 16;
/// The most bytes of the fields of a command, or of a recipient, that have a fixed size.
const FIXED_BYTES: usize = 256;
/// The most bytes of what says that a content is in pieces.
const PIECES_BYTES: usize = 64;

/// What the recipients of a body share: the partition, the channel, for those with a content of their own their place
/// in the request, and whether the content goes in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BodyKey {
    pub(super) group: GroupId,
    pub(super) channel: Channel,
    pub(super) own: Option<usize>,
    pub(super) in_pieces: bool,
}

/// A recipient with its place in the request and its address as it was written.
pub(super) type Placed = (usize, String, Recipient);

/// The recipients of one command.
pub(super) type Batch = Vec<Placed>;

/// At least the bytes that each command has besides recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared {
    /// Of the content, when it is whole.
    pub(super) content: usize,
    /// Of everything else.
    pub(super) others: usize,
}

/// Recipients, by the body and command that they belong to.
#[derive(Debug, Default)]
pub(super) struct Batches {
    bodies: BTreeMap<BodyKey, Filled>,
}

/// The commands of a body; the last one is filled.
#[derive(Debug)]
struct Filled {
    shared: Shared,
    /// How many bytes each command has for recipients.
    room: usize,
    /// How many of them are left in the last one.
    left: usize,
    batches: Vec<Batch>,
}

impl Batches {
    /// Adds a recipient to those that share `whole`, the key of the body that isn't in pieces; `shared` counts what
    /// each command has besides recipients. Must be called in the order of the places.
    pub(super) fn add(&mut self, whole: BodyKey, shared: impl Fn() -> Shared, placed: Placed) {
        let needed = recipient_bytes(&placed.2);
        let filled = self.bodies.entry(whole).or_insert_with(|| Filled::new(shared(), true));
        if filled.takes(needed) {
            return filled.add(needed, placed);
        }
        let shared = filled.shared;
        let pieces = BodyKey { in_pieces: true, ..whole };
        if Filled::new(shared, false).takes(needed) {
            self.bodies.entry(pieces).or_insert_with(|| Filled::new(shared, false)).add(needed, placed);
        } else {
            // It fits nowhere: the log says so.
            filled.add(needed, placed);
        }
    }

    /// Returns the bodies, each with the recipients of its commands.
    pub(super) fn into_bodies(self) -> impl Iterator<Item = (BodyKey, Vec<Batch>)> {
        self.bodies.into_iter().map(|(key, filled)| (key, filled.batches)).filter(|(_, batches)| !batches.is_empty())
    }
}

impl Filled {
    fn new(shared: Shared, whole: bool) -> Filled {
        let content = if whole { shared.content } else { PIECES_BYTES };
        let room = PROPOSAL_BYTES_MAX.saturating_sub(shared.others + content);
        Filled { shared, room, left: 0, batches: Vec::new() }
    }

    fn takes(&self, needed: usize) -> bool {
        needed <= self.room
    }

    fn add(&mut self, needed: usize, placed: Placed) {
        match self.batches.last_mut() {
            Some(last) if needed <= self.left => last.push(placed),
            _ => {
                self.left = self.room;
                self.batches.push(vec![placed]);
            }
        }
        self.left = self.left.saturating_sub(needed);
    }
}

/// Returns at least the bytes that a recipient takes in a command.
fn recipient_bytes(recipient: &Recipient) -> usize {
    let Recipient { message: _, address, key, endpoint, name: _, substitutions, context } = recipient;
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
) -> Shared {
    let others = FIXED_BYTES + values_bytes(substitutions) + trace.map_or(0, text_bytes) + texts_bytes(context);
    Shared { content: content_bytes(content), others }
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
