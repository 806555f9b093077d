//! The last look before messages are handed to a provider (docs/lease.md, R9 and R10). Reads only. The sender asks
//! under a valid lease, inside the short critical section that also begins the dispatch: what can't change is brought
//! along, and what several messages share is read once.

use std::collections::BTreeMap;

use model::address::{Address, AddressKey};
use model::channel::Channel;
use model::id::{AppId, EndpointId, Epoch, MessageId, RegionId};
use model::message::{Claim, Class, Message, Status};
use model::time::Timestamp;
use traffic::route::Flow;

use crate::forbid::{self, Whom};
use crate::tables::{AppSendStates, ProgressOf, RowAccess, TableError, View};

/// What the check must know of a message: the parts that never change after it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Candidate {
    pub message: MessageId,
    /// The app that sends.
    pub app: AppId,
    pub key: AddressKey,
    pub channel: Channel,
    /// Where it goes.
    pub address: Address,
    /// The endpoint, unless it goes to an address.
    pub endpoint: Option<EndpointId>,
    /// How often it may be dispatched.
    pub class: Class,
    /// From when on it is no longer worth sending.
    pub expires: Timestamp,
}

impl Candidate {
    /// Returns what the check must know of a message.
    pub fn of(message: &Message) -> Candidate {
        Candidate {
            message: message.id,
            app: message.app,
            key: message.key.clone(),
            channel: message.channel,
            address: message.address.clone(),
            endpoint: message.endpoint.clone(),
            class: message.class,
            expires: message.expires,
        }
    }

    /// Returns what routing asks of the message.
    pub fn flow(&self) -> Flow<'_> {
        Flow { app: self.app, channel: self.channel, address: &self.address, key: &self.key }
    }
}

/// Who wants to hand messages over.
#[derive(Debug, Clone, Copy)]
pub struct Dispatcher<'a> {
    /// The region of the sender.
    pub region: &'a RegionId,
    /// The sender's wall-clock time.
    pub now: Timestamp,
    /// The sender's node and incarnation, when it claimed the messages; needed for class `at_most_once`.
    pub claim: Option<Claim>,
}

/// Whether a dispatch may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Verdict {
    Go {
        /// The number of the dispatch; from 1.
        attempt: u32,
        /// The plan under which the region was named.
        epoch: Epoch,
    },
    /// Something forbids it: settle it so.
    Forbidden,
    /// It doesn't wait in this region: settled, held, retired, or moved away.
    NotHere,
    /// It may be dispatched at this time.
    NotDue(Timestamp),
    /// It is no longer worth sending; a command will expire it.
    Expired,
    /// It must be claimed first, or another dispatcher claimed it.
    Unclaimed,
}

/// The checks of one critical section, over one moment of the tables.
pub struct DispatchChecks<'a, V: View + ?Sized> {
    view: &'a V,
    dispatcher: Dispatcher<'a>,
    /// The apps and channels looked at so far, and whether they may send.
    open: BTreeMap<(AppId, Channel), bool>,
}

impl<'a, V: View + ?Sized> DispatchChecks<'a, V> {
    /// Begins the checks.
    pub fn new(view: &'a V, dispatcher: Dispatcher<'a>) -> DispatchChecks<'a, V> {
        DispatchChecks { view, dispatcher, open: BTreeMap::new() }
    }

    /// Decides whether a dispatch may begin. The rows are the truth; whatever a sender was told before was a hint.
    ///
    /// # Errors
    /// When the tables can't be read.
    pub fn verdict(&mut self, candidate: &Candidate) -> Result<Verdict, TableError> {
        let Some(progress) = self.view.row::<ProgressOf>(&candidate.message)? else {
            return Ok(Verdict::NotHere);
        };
        let Dispatcher { region, now, claim } = self.dispatcher;
        if progress.status != Status::Waiting || progress.region != *region {
            return Ok(Verdict::NotHere);
        }
        if candidate.expires <= now {
            return Ok(Verdict::Expired);
        }
        if progress.due > now {
            return Ok(Verdict::NotDue(progress.due));
        }
        if self.forbidden(candidate)? {
            return Ok(Verdict::Forbidden);
        }
        let claimed = claim.is_some() && progress.claim == claim;
        if candidate.class == Class::AtMostOnce && !claimed {
            return Ok(Verdict::Unclaimed);
        }
        Ok(Verdict::Go { attempt: progress.attempts + 1, epoch: progress.epoch })
    }

    /// Says whether anything forbids a message: its app or channel is closed, or its recipient wants none.
    fn forbidden(&mut self, candidate: &Candidate) -> Result<bool, TableError> {
        let Candidate { app, key, channel, endpoint, .. } = candidate;
        let whom = Whom { app: *app, key, channel: *channel, endpoint: endpoint.as_ref() };
        Ok(!self.is_open(*app, *channel)? || forbid::ban(self.view, whom)?.is_some())
    }

    fn is_open(&mut self, app: AppId, channel: Channel) -> Result<bool, TableError> {
        if let Some(open) = self.open.get(&(app, channel)) {
            return Ok(*open);
        }
        let send_state = self.view.row::<AppSendStates>(&app)?;
        let open = send_state.is_some_and(|send_state| {
            !send_state.deleted && send_state.channels.get(&channel).is_some_and(|channel| channel.enabled)
        });
        self.open.insert((app, channel), open);
        Ok(open)
    }
}
