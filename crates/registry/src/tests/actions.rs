//! Random actions over a small universe: two apps, a few addresses and endpoints, three regions, two nodes.

use std::collections::BTreeMap;

use model::address::{AddressKey, partition_of_app};
use model::app::ChannelDetail;
use model::channel::Channel;
use model::command::{AcceptMessages, Command, Proposal, Recipient, Resolution, Settlement};
use model::content::Purpose;
use model::endpoint::{EndpointOptOut, EndpointPatch, EndpointStatus, Target, UserLink};
use model::event::{EventKind, ProviderEvent};
use model::id::{AppId, BodyId, Boot, Epoch, GroupId, MessageId, NodeId, RegionId, RequestId, UserId};
use model::message::{Claim, Class, Progress, SendResult, Status};
use model::opt_out::OptOutSource;
use model::outcome::{Acceptance, Outcome};
use model::plan::TrafficPlan;
use model::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::world::{
    DAY, PARTITIONS, START, World, content, delivered, endpoint_id, number, plan_change, region, retry, unknown,
};
use crate::tables::{Plans, ProgressOf, RowAccess};

const APPS: [AppId; 2] = [AppId(0xa), AppId(0xb)];
const REGIONS: [&str; 3] = ["a", "b", "c"];
/// Stands for the region where a message waits.
const ITS_OWN: &str = "";
/// Stands for the handover that a message waits for.
const THE_NEXT: u32 = 0;

/// Something that somebody does.
#[derive(Debug, Clone)]
pub enum Action {
    Wait(u64),
    CreateApp(usize),
    DeleteApp(usize),
    PutChannel(usize, Channel, Option<bool>, Option<Class>),
    DeleteChannel(usize, Channel),
    Plan(Vec<(&'static str, u32)>, bool),
    Adopt(u16, usize),
    Upsert(usize, usize, Box<EndpointPatch>, bool),
    DeleteEndpoint(usize, usize),
    PutOptOut(usize, u32),
    DeleteOptOut(usize, u32),
    Accept(Accept),
    Claim(Claim, &'static str, usize),
    Release(Claim, usize),
    Settle(&'static str, usize, u32, SendResult),
    Report(usize, EventKind),
    Resolve(usize, Resolution),
    Takeover(u16, &'static str, u64, u32),
    Booted(u16, u64, u64),
    Expire(u16, u32),
    Retire(u16, u32),
    Deliver(u16, bool),
    SetApplyVersion(u16),
}

/// A request to send; its recipients are SMS numbers or custom endpoints.
#[derive(Debug, Clone)]
pub struct Accept {
    app: usize,
    custom: bool,
    recipients: Vec<(u64, u32)>,
    endpoint: bool,
    class: Option<Class>,
    time_to_live_ms: u64,
    asked: bool,
}

/// Returns sequences of at most `length` actions after those that let both apps send.
pub fn actions(length: usize) -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec(action(), 1..length).prop_map(|actions| {
        let mut all = beginning();
        all.extend(actions);
        all
    })
}

fn beginning() -> Vec<Action> {
    let mut actions = vec![Action::Plan(vec![("a", 1), ("b", 1)], true)];
    for app in 0..APPS.len() {
        actions.push(Action::CreateApp(app));
        actions.push(Action::PutChannel(app, Channel::Sms, None, None));
        actions.push(Action::PutChannel(app, Channel::Custom, None, Some(Class::AtMostOnce)));
    }
    actions.extend(vec![Action::Deliver(0, false); 6]);
    actions
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => select(vec![0, 1, 1, 1_000, 60_000, 60_000, 16 * 60_000, DAY, 4 * DAY]).prop_map(Action::Wait),
        4 => configuration(),
        8 => recipients(),
        10 => accept().prop_map(Action::Accept),
        24 => sending(),
        9 => upkeep(),
        4 => (0..=PARTITIONS, any::<bool>()).prop_map(|(source, twice)| Action::Deliver(source, twice)),
    ]
}

fn configuration() -> impl Strategy<Value = Action> {
    let channel = || select(vec![Channel::Sms, Channel::Custom]);
    let weights =
        select(vec![vec![("a", 1)], vec![("b", 1)], vec![("a", 1), ("b", 1)], vec![("a", 1), ("b", 2), ("c", 3)]]);
    prop_oneof![
        1 => (0..2_usize).prop_map(Action::CreateApp),
        1 => (0..2_usize).prop_map(Action::DeleteApp),
        3 => (0..2_usize, channel(), select(vec![None, Some(true), Some(true), Some(false)]), option(class()))
            .prop_map(|(app, channel, enabled, class)| Action::PutChannel(app, channel, enabled, class)),
        1 => (0..2_usize, channel()).prop_map(|(app, channel)| Action::DeleteChannel(app, channel)),
        8 => (weights, any::<bool>()).prop_map(|(weights, everywhere)| Action::Plan(weights, everywhere)),
        4 => (1..=PARTITIONS, 0..3_usize).prop_map(|(group, back)| Action::Adopt(group, back)),
    ]
}

fn recipients() -> impl Strategy<Value = Action> {
    let custom = || Target { channel: Channel::Custom, ..super::world::target(Channel::Custom, "c") };
    let target = prop_oneof![(0..4_u32).prop_map(number), Just(custom())];
    let status = select(vec![EndpointStatus::Active, EndpointStatus::Inactive]);
    let opt_out = select(vec![EndpointOptOut::None, EndpointOptOut::All]);
    let user = select(vec![
        UserLink::Nobody,
        UserLink::To(UserId::new("u").unwrap()),
        UserLink::To(UserId::new("v").unwrap()),
    ]);
    let attributes = select(vec![
        BTreeMap::new(),
        BTreeMap::from([("plan".to_owned(), vec!["gold".to_owned()])]),
        BTreeMap::from([("plan".to_owned(), Vec::new())]),
    ]);
    let patch = (option(target), option(status), option(opt_out), option(user), attributes).prop_map(
        |(target, status, opt_out, user, user_attributes)| EndpointPatch {
            target,
            status,
            opt_out,
            user,
            user_attributes,
            ..EndpointPatch::default()
        },
    );
    prop_oneof![
        6 => (0..2_usize, 0..5_usize, patch, any::<bool>())
            .prop_map(|(app, endpoint, patch, asked)| Action::Upsert(app, endpoint, Box::new(patch), asked)),
        1 => (0..2_usize, 0..5_usize).prop_map(|(app, endpoint)| Action::DeleteEndpoint(app, endpoint)),
        1 => (0..2_usize, 0..4_u32).prop_map(|(app, address)| Action::PutOptOut(app, address)),
        1 => (0..2_usize, 0..4_u32).prop_map(|(app, address)| Action::DeleteOptOut(app, address)),
    ]
}

fn accept() -> impl Strategy<Value = Accept> {
    let recipients = prop::collection::vec((0..12_u64, 0..4_u32), 1..4);
    let time_to_live_ms = select(vec![1, 60_000, DAY]);
    let class = select(vec![None, Some(Class::AtLeastOnce), Some(Class::AtMostOnce), Some(Class::AtMostOnce)]);
    (0..2_usize, any::<bool>(), recipients, any::<bool>(), class, time_to_live_ms, any::<bool>()).prop_map(
        |(app, custom, recipients, endpoint, class, time_to_live_ms, asked)| Accept {
            app,
            custom,
            recipients,
            endpoint,
            class,
            time_to_live_ms,
            asked,
        },
    )
}

fn sending() -> impl Strategy<Value = Action> {
    let result = prop_oneof![
        Just(delivered()),
        (0..100_000_u64).prop_map(|later| retry(START + 2 * later)),
        (0..100_000_u64).prop_map(|later| unknown(START + later)),
        Just(SendResult::Failed { detail: "no".into() }),
        Just(SendResult::Forbidden),
    ];
    let kind = select(vec![
        EventKind::Delivered,
        EventKind::HardBounce,
        EventKind::SoftBounce,
        EventKind::Complaint,
        EventKind::Unsubscribed,
        EventKind::Undelivered,
        EventKind::Sent,
    ]);
    let resolution = select(vec![Resolution::Resend, Resolution::GiveUp, Resolution::Delivered]);
    prop_oneof![
        8 => (claim(), its_region(), 0..20_usize)
            .prop_map(|(claim, region, message)| Action::Claim(claim, region, message)),
        2 => (claim(), 0..20_usize).prop_map(|(claim, message)| Action::Release(claim, message)),
        6 => (its_region(), 0..20_usize, select(vec![THE_NEXT, THE_NEXT, THE_NEXT, 1, 2, 3]), result)
            .prop_map(|(region, message, attempt, result)| Action::Settle(region, message, attempt, result)),
        2 => (0..20_usize, kind).prop_map(|(message, kind)| Action::Report(message, kind)),
        2 => (0..20_usize, resolution).prop_map(|(message, resolution)| Action::Resolve(message, resolution)),
    ]
}

fn upkeep() -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => (1..=PARTITIONS, select(REGIONS.to_vec()), select(vec![0, 0, 0, 1]), 1..4_u32)
            .prop_map(|(group, region, back, limit)| Action::Takeover(group, region, back, limit)),
        2 => (1..=PARTITIONS, 1..3_u64, 1..4_u64).prop_map(|(group, node, boot)| Action::Booted(group, node, boot)),
        1 => (1..=PARTITIONS, 0..4_u32).prop_map(|(group, limit)| Action::Expire(group, limit)),
        2 => (0..=PARTITIONS, 0..9_u32).prop_map(|(group, limit)| Action::Retire(group, limit)),
        1 => (0..=PARTITIONS).prop_map(Action::SetApplyVersion),
    ]
}

fn class() -> impl Strategy<Value = Class> {
    select(vec![Class::AtLeastOnce, Class::AtMostOnce])
}

fn its_region() -> impl Strategy<Value = &'static str> {
    select(vec![ITS_OWN, ITS_OWN, ITS_OWN, ITS_OWN, "a", "b", "c"])
}

fn claim() -> impl Strategy<Value = Claim> {
    (1..3_u64, 1..4_u64).prop_map(|(node, boot)| super::world::claim(node, boot))
}

fn option<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    prop::option::of(strategy)
}

/// A cluster with what its doors and senders know.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The groups.
    pub world: World,
    known: Vec<MessageId>,
    requests: u128,
}

impl Cluster {
    /// Returns a cluster in which nothing happened yet.
    pub fn new() -> Cluster {
        Cluster { world: World::empty(), known: Vec::new(), requests: 0 }
    }

    /// Remembers the messages that were accepted.
    pub fn learn(&mut self, command: &Command, outcome: &Outcome) {
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
            Action::CreateApp(..)
            | Action::DeleteApp(..)
            | Action::PutChannel(..)
            | Action::DeleteChannel(..)
            | Action::Upsert(..)
            | Action::DeleteEndpoint(..)
            | Action::PutOptOut(..)
            | Action::DeleteOptOut(..) => vec![of_app(action)],
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
            groups.entry(group).or_default().push(Recipient {
                message: MessageId::new(group, Timestamp(START), *n),
                address: target.address,
                key,
                endpoint: (accept.custom || accept.endpoint).then_some(endpoint),
                substitutions: BTreeMap::new(),
                context: BTreeMap::new(),
            });
        }
        let command = |(group, recipients): (GroupId, Vec<Recipient>)| {
            let command = AcceptMessages {
                app,
                channel: if accept.custom { Channel::Custom } else { Channel::Sms },
                body: BodyId(u128::from(accept.recipients[0].0)),
                content: content(Purpose::Transactional),
                substitutions: BTreeMap::new(),
                class: accept.class,
                time_to_live_ms: accept.time_to_live_ms,
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
            Action::Booted(group, node, boot) => {
                (GroupId(*group), Command::Booted { node: NodeId(*node), boot: Boot(*boot), limit: 2 })
            }
            Action::Expire(group, limit) => (GroupId(*group), Command::Expire { limit: *limit }),
            Action::Retire(group, limit) => (GroupId(*group), Command::Retire { limit: *limit }),
            Action::SetApplyVersion(group) => (GroupId(*group), Command::SetApplyVersion { version: 1 }),
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
                _ => ChannelDetail::Sms { sender_id: None, short_code: None },
            };
            let (channel, enabled, class) = (*channel, *enabled, *class);
            (GroupId::CONTROL, Command::PutChannel { app: APPS[*app], channel, enabled, class, detail })
        }
        Action::DeleteChannel(app, channel) => {
            (GroupId::CONTROL, Command::DeleteChannel { app: APPS[*app], channel: *channel })
        }
        Action::Upsert(app, endpoint, patch, _) => {
            let command = super::world::upsert(APPS[*app], &format!("e{endpoint}"), patch.as_ref().clone());
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
        other => unreachable!("{other:?} is no action on an app"),
    }
}
