//! Everything about a dispatch that needs no lease: finding the rows, filling the variables. Done before the critical
//! section, so that it stays short; what may forbid the message is checked inside.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use delivery::schedule::Entry;
use model::app::ChannelDetail;
use model::content::{Content, Substitutions};
use model::{AppId, BodyId, Channel, Epoch, Message, TrafficPlan};
use registry::Candidate;
use registry::tables::{AppSendStates, Bodies as BodiesTable, Messages, RowAccess, TableError, View};
use render::{Prepared, RenderError, Values};

use super::plan::moves_away;
use crate::driver::Delivery;
use crate::shared::Shared;

/// The largest number of parsed bodies kept.
const BODIES_KEPT: usize = 256;

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
}

/// Bodies that were parsed, the oldest forgotten first.
#[derive(Default)]
pub(super) struct Bodies {
    parsed: BTreeMap<(AppId, BodyId), Body>,
    order: VecDeque<(AppId, BodyId)>,
}

#[derive(Clone)]
struct Body {
    content: Result<Prepared, RenderError>,
    substitutions: Arc<Substitutions>,
    trace: Option<Arc<str>>,
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
        for entry in entries {
            let Some(message) = desk.view.row::<Messages>(&entry.message)? else { continue };
            if moves_away(desk.plan, message.channel, &message.key, &desk.shared.config.region) {
                drafts.moved.push(entry);
                continue;
            }
            let Some(body) = self.body(desk.view, &message)? else { continue };
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
                Ok(content) => {
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

    fn body(&mut self, view: &dyn View, message: &Message) -> Result<Option<Body>, TableError> {
        let key = (message.app, message.body);
        if let Some(body) = self.parsed.get(&key) {
            return Ok(Some(body.clone()));
        }
        let Some(row) = view.row::<BodiesTable>(&key)? else { return Ok(None) };
        let body = Body {
            content: Prepared::new(row.content),
            substitutions: Arc::new(row.substitutions),
            trace: row.trace.map(Arc::from),
        };
        self.parsed.insert(key, body.clone());
        self.order.push_back(key);
        if self.order.len() > BODIES_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.parsed.remove(&oldest);
        }
        Ok(Some(body))
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
