//! Everything about a dispatch that needs no lease: finding the rows, filling the variables. Done before the critical
//! section, so that it stays short; what may forbid the message is checked inside.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::sync::Arc;

use delivery::schedule::Entry;
use model::app::ChannelDetail;
use model::content::{Content, EMAIL_SIZE_MAX, Substitutions};
use model::{AppId, Channel, Epoch, Message, TrafficPlan};
use registry::Candidate;
use registry::tables::{AppSendStates, Messages, RowAccess, TableError, View};
use render::{RenderError, Values};

use super::bodies::Bodies;
use super::plan::moves_away;
use crate::driver::Delivery;
use crate::shared::Shared;
use traffic::route::Flow;

/// The largest sum of the contents of a batch, in bytes: one of the largest emails, or many small ones. The first
/// message of a batch goes however large it is.
const BATCH_BYTES_MAX: usize = EMAIL_SIZE_MAX;

/// A message that is ready to be dispatched, if nothing forbids it.
pub(super) struct Draft {
    pub entry: Entry,
    /// What decides whether it may go.
    pub candidate: Candidate,
    /// Attempt and epoch are set in the critical section.
    pub delivery: Delivery,
}

/// What became of the entries of a batch.
#[derive(Default)]
pub(super) struct Drafts {
    pub ready: Vec<Draft>,
    /// The adopted plan sends them through another region.
    pub moved: Vec<Entry>,
    /// They can never be sent as they are: why, by message.
    pub unsendable: Vec<(Entry, RenderError)>,
    /// There was no room for their contents in the batch.
    pub left: Vec<Entry>,
    /// The bytes of the contents of those that are ready.
    pub bytes: usize,
}

/// Where drafts are made from.
pub(super) struct Desk<'a> {
    pub view: &'a dyn View,
    pub shared: &'a Shared,
    pub plan: Option<&'a TrafficPlan>,
}

impl Bodies {
    /// Makes drafts of entries. Messages that are unknown by now are left out.
    pub(super) fn drafts(&mut self, desk: &Desk<'_>, entries: Vec<Entry>) -> Result<Drafts, TableError> {
        let mut drafts = Drafts::default();
        let mut origins: BTreeMap<(AppId, Channel), Option<String>> = BTreeMap::new();
        let mut entries = entries.into_iter();
        while let Some(entry) = entries.next() {
            let Some(message) = desk.view.row::<Messages>(&entry.message)? else { continue };
            if moves_away(desk.plan, Flow::from(&message), &desk.shared.config.region) {
                drafts.moved.push(entry);
                continue;
            }
            let Some(body) = self.of(desk.view, &message)? else { continue };
            let place = (message.app, message.channel);
            if let Place::Vacant(vacant) = origins.entry(place) {
                vacant.insert(origin_of_channel(desk.view, place.0, place.1)?);
            }
            let values = Values {
                recipient: &message.substitutions,
                message: &body.substitutions,
                // A message carries what it uses of its endpoint among its own values.
                attributes: &Substitutions::new(),
            };
            match body.content.and_then(|prepared| prepared.render(values)) {
                Ok(content) if drafts.bytes + content.bytes() > BATCH_BYTES_MAX && !drafts.ready.is_empty() => {
                    drafts.left.push(entry);
                    drafts.left.extend(entries.by_ref());
                }
                Ok(content) => {
                    drafts.bytes += content.bytes();
                    let origination = origin_of(&content).or_else(|| origins.get(&place).cloned().flatten());
                    let candidate = Candidate::of(&message);
                    let delivery = Delivery { origination, trace: body.trace, ..delivery(message, content) };
                    drafts.ready.push(Draft { entry, candidate, delivery });
                }
                Err(error) => drafts.unsendable.push((entry, error)),
            }
        }
        Ok(drafts)
    }
}

fn delivery(message: Message, content: Arc<Content>) -> Delivery {
    Delivery {
        message: message.id,
        app: message.app,
        channel: message.channel,
        address: message.address,
        endpoint: message.endpoint,
        attempt: 0,
        epoch: Epoch(0),
        class: message.class,
        origination: None,
        content,
        trace: None,
        context: message.context,
    }
}

/// Returns what the content itself wants to come from.
fn origin_of(content: &Content) -> Option<String> {
    match content {
        Content::Sms { origination_number, sender_id, .. } => origination_number.clone().or_else(|| sender_id.clone()),
        Content::Email { from, .. } | Content::RawEmail { from, .. } => from.clone(),
        Content::Custom { .. } => None,
    }
}

/// Returns what the channel's messages come from when they name nothing.
fn origin_of_channel(view: &dyn View, app: AppId, channel: Channel) -> Result<Option<String>, TableError> {
    let state = view.row::<AppSendStates>(&app)?.and_then(|mut state| state.channels.remove(&channel));
    Ok(state.and_then(|state| match state.detail {
        ChannelDetail::Email { from_address, .. } => Some(from_address).filter(|from| !from.is_empty()),
        ChannelDetail::Sms { sender_id, short_code, .. } => sender_id.or(short_code),
        ChannelDetail::Custom => None,
    }))
}
