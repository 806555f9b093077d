//! What actions propose in a cluster, and what its listeners and senders remember of the answers.

use std::collections::{BTreeMap, BTreeSet};

use model::address::{AddressKey, partition_of_app};
use model::app::ChannelDetail;
use model::body::{BodyContent, Piece, Pieces, PutPiece};
use model::channel::Channel;
use model::command::{AcceptMessages, Command, Proposal, Recipient, Settlement};
use model::content::Purpose;
use model::event::ProviderEvent;
use model::id::{BodyId, Epoch, GroupId, Incarnation, MessageId, NodeId, RegionId, RequestId};
use model::message::{Progress, Status};
use model::opt_out::{OptOutList, OptOutSource};
use model::outcome::{Acceptance, Outcome};
use model::plan::TrafficPlan;
use model::request::RecipientName;
use model::time::Timestamp;

use crate::fence;
use crate::tables::{Meta, Plans, ProgressOf, RowAccess};
use crate::tests::world::{PARTITIONS, START, World, content, endpoint_id, number, plan_change, region};

use super::actions::{APPS, Accept, Action, ITS_OWN, THE_NEXT};

/// What bodies in pieces have: one piece of a byte, and one of two.
const PIECES: Pieces = Pieces { count: 2, bytes: 3, purpose: Purpose::Transactional };

/// A cluster with what its listeners and senders know.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The groups.
    pub world: World,
    known: Vec<MessageId>,
    requests: u128,
    /// The apps that were deleted: ids are drawn, so that none comes back.
    deleted: BTreeSet<model::AppId>,
}

impl Cluster {
    /// Returns a cluster in which nothing happened yet.
    pub fn new() -> Cluster {
        Cluster { world: World::empty(), known: Vec::new(), requests: 0, deleted: BTreeSet::new() }
    }

    /// Remembers the messages that were accepted.
    pub fn learn(&mut self, command: &Command, outcome: &Outcome) {
        if let (Command::DeleteApp { app }, Outcome::Carried { .. }) = (command, outcome) {
            self.deleted.insert(*app);
        }
        if let (Command::AcceptMessages(_), Outcome::Accepted(acceptances)) = (command, outcome) {
            for acceptance in acceptances {
                if let Acceptance::Accepted(id) = acceptance
                    && !self.known.contains(id)
                {
                    self.known.push(*id);
                }
            }
        }
    }

    /// Returns what an action proposes, and where.
    pub fn proposals(&mut self, action: &Action) -> Vec<(GroupId, Proposal)> {
        let asked = matches!(
            action,
            Action::CreateApp(_)
                | Action::PutChannel(..)
                | Action::Upsert(.., true)
                | Action::Accept(Accept { asked: true, .. })
        );
        self.commands(action)
            .into_iter()
            .map(|(group, command)| {
                self.requests += 1;
                (group, Proposal { request: asked.then_some(RequestId(self.requests)), command })
            })
            .collect()
    }

    fn commands(&mut self, action: &Action) -> Vec<(GroupId, Command)> {
        match action {
            Action::Wait(milliseconds) => {
                self.world.now += milliseconds;
                Vec::new()
            }
            Action::Deliver(source, twice) => self.deliver(GroupId(*source), *twice),
            Action::Plan(weights, everywhere) => self.plan(weights, *everywhere),
            Action::Accept(accept) => self.accept(accept),
            Action::CreateApp(app) if self.deleted.contains(&APPS[*app]) => Vec::new(),
            Action::CreateApp(..)
            | Action::DeleteApp(..)
            | Action::PutChannel(..)
            | Action::DeleteChannel(..)
            | Action::Upsert(..)
            | Action::DeleteEndpoint(..)
            | Action::PutOptOut(..)
            | Action::DeleteOptOut(..)
            | Action::PutListedOptOut(..)
            | Action::DeleteListedOptOut(..) => vec![of_app(action)],
            Action::Claim(..) | Action::Release(..) | Action::Settle(..) | Action::Report(..) | Action::Resolve(..) => {
                self.about_message(action).into_iter().collect()
            }
            _ => self.of_group(action).into_iter().collect(),
        }
    }

    fn plan(&self, weights: &[(&str, u32)], everywhere: bool) -> Vec<(GroupId, Command)> {
        let current = self.world.meta_epoch(GroupId::CONTROL);
        let change = plan_change(current, weights);
        let plan = change.clone().into_plan(Timestamp(self.world.now));
        let mut commands = vec![(GroupId::CONTROL, Command::CommitPlan { change })];
        if everywhere {
            let adopt = |group| (group, Command::AdoptPlan { plan: Box::new(plan.clone()) });
            commands.extend(GroupId::partitions(PARTITIONS).map(adopt));
        }
        commands
    }

    /// Delivers the oldest follow-up of a group, perhaps twice, and removes it.
    fn deliver(&self, source: GroupId, twice: bool) -> Vec<(GroupId, Command)> {
        let mut commands = Vec::new();
        let mut owed = self.world.owed(source);
        owed.dedup_by_key(|((target, _), _)| *target);
        for ((target, number), action) in owed {
            let follow_up = Command::FollowUp { source, number, action: Box::new(action) };
            commands.push((target, follow_up.clone()));
            if twice {
                commands.push((target, follow_up));
            }
            commands.push((source, Command::FollowUpsDone { target, through: number }));
        }
        commands
    }

    fn accept(&self, accept: &Accept) -> Vec<(GroupId, Command)> {
        let app = APPS[accept.app];
        let mut groups: BTreeMap<GroupId, Vec<Recipient>> = BTreeMap::new();
        for (n, to) in &accept.recipients {
            let endpoint = endpoint_id(&format!("e{to}"));
            let target = number(*to);
            let key = if accept.custom { AddressKey::of_endpoint(app, &endpoint) } else { target.key };
            let group = key.partition(PARTITIONS);
            let endpoint = (accept.custom || accept.endpoint).then_some(endpoint);
            let name = match &endpoint {
                Some(endpoint) => RecipientName::endpoint(endpoint, 0),
                None => RecipientName::address(target.channel, target.address.as_str(), 0),
            };
            groups.entry(group).or_default().push(Recipient {
                message: MessageId::new(group, Timestamp(START), *n),
                address: target.address,
                key,
                endpoint,
                name,
                substitutions: BTreeMap::new(),
                context: BTreeMap::new(),
            });
        }
        let command = |(group, recipients): (GroupId, Vec<Recipient>)| {
            let command = AcceptMessages {
                app,
                channel: if accept.custom { Channel::Custom } else { Channel::Sms },
                body: BodyId(u128::from(accept.recipients[0].0)),
                content: if accept.in_pieces {
                    BodyContent::Pieces(PIECES)
                } else {
                    BodyContent::Whole(content(Purpose::Transactional))
                },
                substitutions: BTreeMap::new(),
                class: accept.class,
                time_to_live_ms: accept.time_to_live_ms,
                trace: None,
                context: BTreeMap::new(),
                recipients,
            };
            (group, Command::AcceptMessages(Box::new(command)))
        };
        groups.into_iter().map(command).collect()
    }

    fn about_message(&self, action: &Action) -> Option<(GroupId, Command)> {
        let known = |index: &usize| self.message(*index);
        let place = |name: &&str, message| if **name == *ITS_OWN { self.region_of(message) } else { region(name) };
        Some(match action {
            Action::Claim(claim, from, message) => {
                let message = known(message)?;
                let (claim, region) = (*claim, place(from, message));
                (message.group(), Command::Claim { claim, region, messages: vec![message] })
            }
            Action::Release(claim, message) => {
                let id = known(message)?;
                let holder = self.progress(id).and_then(|progress| progress.claim);
                let (claim, message) = (if message % 2 == 0 { holder? } else { *claim }, id);
                (message.group(), Command::ReleaseClaims { claim, messages: vec![message] })
            }
            Action::Settle(from, message, attempt, result) => {
                let (message, result) = (known(message)?, result.clone());
                let attempt = if *attempt == THE_NEXT { self.next_attempt(message) } else { *attempt };
                let results = vec![Settlement { message, attempt, result }];
                (message.group(), Command::Settle { region: place(from, message), results })
            }
            Action::Report(message, kind) => {
                let (message, kind) = (known(message)?, *kind);
                let events = vec![ProviderEvent { message, kind, detail: None }];
                (message.group(), Command::RecordEvents { events })
            }
            Action::Resolve(message, resolution) => {
                let held = |id: &&MessageId| self.progress(**id).is_some_and(|row| row.status == Status::Held);
                let message = self.known.iter().find(held).copied().or_else(|| known(message))?;
                (message.group(), Command::ResolveHeld { messages: vec![message], resolution: *resolution })
            }
            _ => return None,
        })
    }

    /// Picks a message that was accepted: one that has not ended, if there is any, or for odd picks any at all.
    fn message(&self, pick: usize) -> Option<MessageId> {
        let open: Vec<MessageId> = self
            .known
            .iter()
            .copied()
            .filter(|id| self.progress(*id).is_some_and(|progress| !progress.status.is_final()))
            .collect();
        let from = if open.is_empty() || pick % 5 == 1 { &self.known } else { &open };
        (!from.is_empty()).then(|| from[pick % from.len()])
    }

    fn progress(&self, message: MessageId) -> Option<Progress> {
        self.world.tables(message.group()).row::<ProgressOf>(&message).unwrap()
    }

    fn region_of(&self, message: MessageId) -> RegionId {
        self.progress(message).map_or_else(|| region("a"), |progress| progress.region)
    }

    fn next_attempt(&self, message: MessageId) -> u32 {
        self.progress(message).map_or(1, |progress| progress.attempts + 1)
    }

    fn of_group(&self, action: &Action) -> Option<(GroupId, Command)> {
        Some(match action {
            Action::Adopt(group, back) => {
                let plan = Box::new(self.plan_before(*back)?);
                (GroupId(*group), Command::AdoptPlan { plan })
            }
            Action::Takeover(group, from, back, limit) => {
                let epoch = Epoch(self.world.meta_epoch(GroupId(*group)).0.saturating_sub(*back));
                (GroupId(*group), Command::Takeover { region: region(from), epoch, cursor: None, limit: *limit })
            }
            Action::BeginIncarnation(group, node, incarnation) => (
                GroupId(*group),
                Command::BeginIncarnation { node: NodeId(*node), incarnation: Incarnation(*incarnation), limit: 2 },
            ),
            Action::Expire(group, limit) => (GroupId(*group), Command::Expire { limit: *limit }),
            Action::Retire(group, limit) => (GroupId(*group), Command::Retire { limit: *limit }),
            Action::Close(group, back, endpoint) => {
                let request = RequestId(self.requests.saturating_sub(*back));
                let recipients = vec![RecipientName::endpoint(&endpoint_id(&format!("e{endpoint}")), 0)];
                (GroupId(*group), Command::CloseRequest { request, recipients })
            }
            Action::PutPiece(group, app, body, number) => {
                let piece = Piece(vec![*number as u8; *number as usize + 1]);
                let put =
                    PutPiece { app: APPS[*app], body: BodyId(*body), number: *number, count: PIECES.count, piece };
                (GroupId(*group), Command::PutPiece(put))
            }
            Action::SetApplyVersion(group, version) => {
                (GroupId(*group), Command::SetApplyVersion { version: *version })
            }
            Action::Fence(group) => {
                let meta = self.world.groups[usize::from(*group)].row::<Meta>(&()).unwrap().unwrap_or_default();
                (GroupId(*group), fence(meta.version()))
            }
            _ => return None,
        })
    }

    fn plan_before(&self, back: usize) -> Option<TrafficPlan> {
        let plans = self.world.groups[0].rows_while::<Plans>(&Epoch(0), usize::MAX, |_| true).unwrap();
        plans.into_iter().rev().nth(back).map(|(_, plan)| plan)
    }
}

fn of_app(action: &Action) -> (GroupId, Command) {
    let sms = |app: &usize, address: &u32| (APPS[*app], number(*address).key);
    match action {
        Action::CreateApp(app) => {
            (GroupId::CONTROL, Command::CreateApp { app: APPS[*app], name: "n".into(), tags: BTreeMap::new() })
        }
        Action::DeleteApp(app) => (GroupId::CONTROL, Command::DeleteApp { app: APPS[*app] }),
        Action::PutChannel(app, channel, enabled, class) => {
            let detail = match channel {
                Channel::Custom => ChannelDetail::Custom,
                _ => ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None },
            };
            let (channel, enabled, class) = (*channel, *enabled, *class);
            (GroupId::CONTROL, Command::PutChannel { app: APPS[*app], channel, enabled, class, detail })
        }
        Action::DeleteChannel(app, channel) => {
            (GroupId::CONTROL, Command::DeleteChannel { app: APPS[*app], channel: *channel })
        }
        Action::Upsert(app, endpoint, patch, _) => {
            let command = crate::tests::world::upsert(APPS[*app], &format!("e{endpoint}"), patch.as_ref().clone());
            (partition_of_app(APPS[*app], PARTITIONS), command)
        }
        Action::DeleteEndpoint(app, endpoint) => {
            let endpoint = endpoint_id(&format!("e{endpoint}"));
            (partition_of_app(APPS[*app], PARTITIONS), Command::DeleteEndpoint { app: APPS[*app], endpoint })
        }
        Action::PutOptOut(app, address) => {
            let ((app, key), channel) = (sms(app, address), Channel::Sms);
            let source = OptOutSource::Request;
            (key.partition(PARTITIONS), Command::PutOptOut { app, key, channel, source })
        }
        Action::DeleteOptOut(app, address) => {
            let ((app, key), channel) = (sms(app, address), Channel::Sms);
            (key.partition(PARTITIONS), Command::DeleteOptOut { app, key, channel })
        }
        Action::PutListedOptOut(address) => {
            let (list, key, source) = (OptOutList::DEFAULT, number(*address).key, OptOutSource::Reply);
            (key.partition(PARTITIONS), Command::PutListedOptOut { list, key, source })
        }
        Action::DeleteListedOptOut(address) => {
            let (list, key) = (OptOutList::DEFAULT, number(*address).key);
            (key.partition(PARTITIONS), Command::DeleteListedOptOut { list, key })
        }
        other => unreachable!("{other:?} is no action on an app"),
    }
}
