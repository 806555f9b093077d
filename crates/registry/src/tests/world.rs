//! A cluster of a control group and two partitions in memory, with one app, two channels and a plan.

use std::collections::BTreeMap;

use model::address::{Address, AddressKey, partition_of_app};
use model::app::ChannelDetail;
use model::body::BodyContent;
use model::channel::Channel;
use model::command::{AcceptMessages, Command, FollowUpAction, Proposal, Recipient, Settlement, UpsertEndpoint};
use model::content::{Content, Purpose, SmsRegistration};
use model::endpoint::{Endpoint, EndpointPatch, Target};
use model::event::EventKind;
use model::id::{AppId, BodyId, EndpointId, Epoch, GroupId, Incarnation, MessageId, NodeId, RegionId, RequestId};
use model::message::{Claim, Class, Progress, SendResult, Status};
use model::outcome::{Acceptance, Outcome, Refusal};
use model::plan::{Author, Mode, PlanChange, RegionState, TrafficPlan};
use model::reading::GivenAddress;
use model::request::RecipientName;
use model::time::Timestamp;

use crate::tables::MemoryTables;
use crate::tables::{
    AccountingOf, Events, FollowUpCounts, FollowUpNumbers, FollowUps, Meta, Plans, ProgressOf, RowAccess,
};
use crate::{APPLY_VERSION, ApplyContext, Effect, VERSIONS, apply, invariants};

/// How many partitions there are.
pub const PARTITIONS: u16 = 2;
/// The app that tests use.
pub const APP: AppId = AppId(0xa);
/// A day in milliseconds.
pub const DAY: u64 = 24 * 3_600_000;
/// When worlds begin.
pub const START: u64 = 1_700_000_000_000;

/// A cluster.
#[derive(Debug, Clone)]
pub struct World {
    /// The tables of groups 0..=[`PARTITIONS`].
    pub groups: Vec<MemoryTables>,
    /// What leaders stamp entries with.
    pub now: u64,
    /// The effects of the last command.
    pub effects: Vec<Effect>,
}

impl World {
    /// Returns a cluster in which nothing happened yet.
    pub fn empty() -> World {
        World { groups: vec![MemoryTables::default(); usize::from(PARTITIONS) + 1], now: START, effects: Vec::new() }
    }

    /// Returns a cluster with [`APP`], EMAIL, SMS and CUSTOM, and a plan that sends everything through `a`.
    pub fn new() -> World {
        World::at(APPLY_VERSION)
    }

    /// The same with groups at a version.
    pub fn at(version: u32) -> World {
        let mut world = World::empty();
        world.control(Command::SetApplyVersion { version });
        world.partitions(&Command::SetApplyVersion { version });
        world.control(Command::CreateApp { app: APP, name: "shop".into(), tags: BTreeMap::new() });
        for (channel, detail) in channels() {
            world.control(Command::PutChannel { app: APP, channel, enabled: None, class: None, detail });
        }
        world.plan(&[("a", 100)]);
        world.carry();
        world
    }

    /// Applies a command to a group and checks every rule.
    pub fn apply(&mut self, group: GroupId, command: Command) -> Outcome {
        self.propose(group, Proposal { request: None, command })
    }

    /// Applies a proposal to a group and checks every rule.
    pub fn propose(&mut self, group: GroupId, proposal: Proposal) -> Outcome {
        let context = ApplyContext { group, partitions: PARTITIONS, known: VERSIONS, stamp: Timestamp(self.now) };
        let tables = &mut self.groups[usize::from(group.0)];
        self.effects.clear();
        let outcome = apply(tables, context, &proposal, &mut self.effects).unwrap();
        if let Err(broken) = invariants::check_all(tables) {
            panic!("{broken}\nafter {proposal:?}\nanswered {outcome:?}");
        }
        outcome
    }

    /// Applies a command to the control group.
    pub fn control(&mut self, command: Command) -> Outcome {
        self.apply(GroupId::CONTROL, command)
    }

    /// Applies a command to every partition.
    pub fn partitions(&mut self, command: &Command) {
        for group in GroupId::partitions(PARTITIONS) {
            self.apply(group, command.clone());
        }
    }

    /// Delivers every follow-up and removes it.
    pub fn carry(&mut self) {
        for source in GroupId::all(PARTITIONS) {
            for ((target, number), action) in self.owed(source) {
                let action = Box::new(action);
                let outcome = self.apply(target, Command::FollowUp { source, number, action });
                assert_eq!(outcome, Outcome::Done);
                self.apply(source, Command::FollowUpsDone { target, through: number });
            }
        }
    }

    /// Lets follow-ups wait in a group for another one that doesn't take them.
    pub fn owe(&mut self, source: GroupId, target: GroupId, more: u64) {
        let tables = &mut self.groups[usize::from(source.0)];
        let last = tables.row::<FollowUpNumbers>(&target).unwrap().unwrap_or_default();
        for number in last + 1..=last + more {
            let (app, endpoint) = (APP, endpoint_id("ghost"));
            let action = FollowUpAction::RemoveBlock { app, key: AddressKey::of_endpoint(app, &endpoint), endpoint };
            tables.store_row::<FollowUps>((target, number), action);
        }
        tables.store_row::<FollowUpNumbers>(target, last + more);
        let waiting = tables.row::<FollowUpCounts>(&target).unwrap().unwrap_or_default();
        tables.store_row::<FollowUpCounts>(target, waiting + more);
    }

    /// Returns a group's tables as they are but for its clock.
    pub fn timeless(&self, group: GroupId) -> MemoryTables {
        let mut tables = self.tables(group).clone();
        let meta = tables.row::<Meta>(&()).unwrap().unwrap_or_default();
        tables.store_row::<Meta>((), model::rows::GroupMeta { clock: Timestamp(0), ..meta });
        tables
    }

    /// Lists what a group's follow-ups ask of others.
    pub fn owed(&self, source: GroupId) -> Vec<((GroupId, u64), FollowUpAction)> {
        let tables = &self.groups[usize::from(source.0)];
        tables.rows_while::<FollowUps>(&(GroupId(0), 0), usize::MAX, |_| true).unwrap()
    }

    /// Commits a plan with these weights, carries it to the partitions, and returns it.
    pub fn plan(&mut self, weights: &[(&str, u32)]) -> TrafficPlan {
        let current = self.meta_epoch(GroupId::CONTROL);
        let outcome = self.control(Command::CommitPlan { change: plan_change(current, weights) });
        let Outcome::Plan(plan) = outcome else { panic!("{outcome:?}") };
        self.partitions(&Command::AdoptPlan { plan: plan.clone() });
        *plan
    }

    /// Returns the epoch that a group is at.
    pub fn meta_epoch(&self, group: GroupId) -> Epoch {
        self.groups[usize::from(group.0)].row::<Meta>(&()).unwrap().unwrap_or_default().epoch
    }

    /// Returns the current plan.
    pub fn current_plan(&self) -> TrafficPlan {
        self.groups[0].row::<Plans>(&self.meta_epoch(GroupId::CONTROL)).unwrap().unwrap()
    }

    /// Updates an endpoint of [`APP`]; answers the outcome.
    pub fn upsert(&mut self, id: &str, patch: EndpointPatch) -> Outcome {
        self.apply(home(), upsert(APP, id, patch))
    }

    /// Updates an endpoint of [`APP`] and returns it.
    pub fn endpoint(&mut self, id: &str, patch: EndpointPatch) -> Endpoint {
        match self.upsert(id, patch) {
            Outcome::Endpoint { endpoint, .. } => *endpoint,
            other => panic!("{other:?}"),
        }
    }

    /// Accepts one message to an address, in the group of that address; the outcome of the command.
    pub fn accept(&mut self, number: u64, target: &Target, class: Option<Class>) -> Outcome {
        self.accept_to(number, (target, None), class)
    }

    /// Accepts one message to an endpoint or an address.
    pub fn accept_to(
        &mut self,
        number: u64,
        (target, endpoint): (&Target, Option<&str>),
        class: Option<Class>,
    ) -> Outcome {
        let accept = AcceptMessages { class, ..accept(&[(number, target.clone(), endpoint)]) };
        self.apply(group_of(target), Command::AcceptMessages(Box::new(accept)))
    }

    /// Accepts one message to an address and returns its id.
    pub fn accepted(&mut self, number: u64, target: &Target, class: Class) -> MessageId {
        let outcome = self.accept(number, target, Some(class));
        assert_eq!(outcome, Outcome::Accepted(vec![Acceptance::Accepted(id(number, target))]));
        id(number, target)
    }

    /// Settles one dispatch; says how many results changed something.
    pub fn settle(&mut self, message: MessageId, (from, attempt): (&str, u32), result: SendResult) -> u32 {
        let results = vec![Settlement { message, attempt, result }];
        match self.apply(message.group(), Command::Settle { region: region(from), results }) {
            Outcome::Recorded { changed } => changed,
            other => panic!("{other:?}"),
        }
    }

    /// Claims a message; says whether it is now claimed.
    pub fn claim(&mut self, message: MessageId, from: &str, claim: Claim) -> bool {
        let command = Command::Claim { claim, region: region(from), messages: vec![message] };
        match self.apply(message.group(), command) {
            Outcome::Claimed(messages) => messages == [message],
            other => panic!("{other:?}"),
        }
    }

    /// Returns how far a message got.
    pub fn progress(&self, message: MessageId) -> Progress {
        self.tables(message.group()).row::<ProgressOf>(&message).unwrap().unwrap()
    }

    /// Returns where a message stands.
    pub fn status(&self, message: MessageId) -> Status {
        self.progress(message).status
    }

    /// Returns the tables of a group.
    pub fn tables(&self, group: GroupId) -> &MemoryTables {
        &self.groups[usize::from(group.0)]
    }

    /// Lists the kinds of a message's events.
    pub fn events(&self, message: MessageId) -> Vec<EventKind> {
        let events = self.tables(message.group()).rows_while::<Events>(&0, usize::MAX, |_| true).unwrap();
        events.into_iter().filter(|(_, event)| event.message == message).map(|(_, event)| event.kind).collect()
    }

    /// Returns the accounting of [`APP`] in a group.
    pub fn accounting(&self, group: GroupId) -> model::accounting::Accounting {
        self.tables(group).row::<AccountingOf>(&APP).unwrap().unwrap_or_default()
    }

    /// Says whether the last command asked holders to report their fence.
    pub fn forbade(&self) -> bool {
        self.effects.contains(&Effect::Forbids)
    }
}

/// The channels of [`APP`].
pub fn channels() -> [(Channel, ChannelDetail); 3] {
    let email = ChannelDetail::Email {
        from_address: "shop@example.com".into(),
        identity: "arn:aws:ses:us-east-1:1:identity/example.com".into(),
        configuration_set: None,
        role_arn: None,
    };
    [
        (Channel::Email, email),
        (Channel::Sms, ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None }),
        (Channel::Custom, ChannelDetail::Custom),
    ]
}

/// A change to these weights; every region of `a`, `b`, `c` with a weight is active, the others are evacuated.
pub fn plan_change(parent: Epoch, weights: &[(&str, u32)]) -> PlanChange {
    let weights: BTreeMap<RegionId, u32> = weights.iter().map(|(name, weight)| (region(name), *weight)).collect();
    let regions = ["a", "b", "c"]
        .map(|name| {
            let active = weights.get(&region(name)).is_some_and(|weight| *weight > 0);
            (region(name), if active { RegionState::Active } else { RegionState::Evacuated })
        })
        .into();
    PlanChange {
        parent,
        mode: Mode::ActiveActive,
        regions,
        weights,
        channel_weights: BTreeMap::new(),
        scopes: BTreeMap::new(),
        diverted: BTreeMap::new(),
        frozen: std::collections::BTreeSet::new(),
        reason: "a test".into(),
        evidence: BTreeMap::new(),
        author: Author::Automatic,
    }
}

/// A target on a channel.
pub fn target(channel: Channel, text: &str) -> Target {
    let (address, key) = Address::normal(channel, text).unwrap();
    Target { channel, address, key, written: None }
}

/// An SMS target whose partition is that of [`APP`]'s endpoints.
pub fn near() -> Target {
    (0..).map(number).find(|target| group_of(target) == home()).unwrap()
}

/// An SMS target whose partition isn't that of [`APP`]'s endpoints.
pub fn far() -> Target {
    (0..).map(number).find(|target| group_of(target) != home()).unwrap()
}

/// The n-th SMS target.
pub fn number(n: u32) -> Target {
    target(Channel::Sms, &format!("+1206555{n:04}"))
}

/// A patch that gives a target.
pub fn at(target: &Target) -> EndpointPatch {
    let address = Some(GivenAddress::normal(target.address.as_str()));
    EndpointPatch { channel: Some(target.channel), address, ..EndpointPatch::default() }
}

/// The partition of [`APP`]'s endpoints.
pub fn home() -> GroupId {
    partition_of_app(APP, PARTITIONS)
}

/// The partition of a target's messages.
pub fn group_of(target: &Target) -> GroupId {
    target.key.partition(PARTITIONS)
}

/// The n-th message id in a target's partition.
pub fn id(n: u64, target: &Target) -> MessageId {
    MessageId::new(group_of(target), Timestamp(START), n)
}

/// How a request names a target or its endpoint.
fn name_of(target: &Target, endpoint: Option<&str>) -> RecipientName {
    match endpoint {
        Some(endpoint) => RecipientName::endpoint(&endpoint_id(endpoint), 0),
        None => RecipientName::address(target.channel, target.address.as_str(), 0),
    }
}

/// A command that accepts messages that share a body, a day worth sending; numbered, to targets or their endpoints.
pub fn accept(recipients: &[(u64, Target, Option<&str>)]) -> AcceptMessages {
    let recipients: Vec<Recipient> = recipients
        .iter()
        .map(|(number, target, endpoint)| Recipient {
            message: id(*number, target),
            address: target.address.clone(),
            key: target.key.clone(),
            endpoint: endpoint.map(endpoint_id),
            name: name_of(target, *endpoint),
            substitutions: BTreeMap::new(),
            context: BTreeMap::from([("own".into(), "1".into())]),
        })
        .collect();
    AcceptMessages {
        app: APP,
        channel: Channel::Sms,
        body: BodyId(u128::from(recipients.first().map_or(0, |first| first.message.0 as u64))),
        content: BodyContent::Whole(content(Purpose::Transactional)),
        substitutions: BTreeMap::new(),
        class: None,
        time_to_live_ms: DAY,
        trace: None,
        context: BTreeMap::from([("own".into(), "0".into()), ("shared".into(), "1".into())]),
        recipients,
    }
}

/// An SMS.
pub fn content(purpose: Purpose) -> Content {
    let registration = SmsRegistration::default();
    Content::Sms { text: "hello".into(), purpose, origination_number: None, sender_id: None, registration }
}

/// A command that updates an endpoint.
pub fn upsert(app: AppId, id: &str, patch: EndpointPatch) -> Command {
    Command::UpsertEndpoint(Box::new(UpsertEndpoint {
        app,
        endpoint: endpoint_id(id),
        display_id: id.to_owned(),
        patch,
        request: RequestId(7),
        seed: 142,
    }))
}

/// An endpoint's id.
pub fn endpoint_id(text: &str) -> EndpointId {
    EndpointId::new(text).unwrap()
}

/// A region.
pub fn region(name: &str) -> RegionId {
    RegionId::new(name).unwrap()
}

/// A claim.
pub fn claim(node: u64, incarnation: u64) -> Claim {
    Claim { node: NodeId(node), incarnation: Incarnation(incarnation) }
}

/// A provider took it.
pub fn delivered() -> SendResult {
    SendResult::Delivered { provider_id: Some("p-1".into()) }
}

/// It may be tried again at a time.
pub fn retry(due: u64) -> SendResult {
    SendResult::Retry { due: Timestamp(due), detail: "busy".into() }
}

/// Nobody knows what came of it.
pub fn unknown(due: u64) -> SendResult {
    SendResult::Unknown { due: Timestamp(due), detail: "connection lost".into() }
}

/// A refusal, as an outcome.
pub fn refused(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

/// The key of a target's recipient.
pub fn key(target: &Target) -> AddressKey {
    target.key.clone()
}
