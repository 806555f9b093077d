//! Any interleaving of commands leaves the rules of the tables true, keeps promises about single messages, and can be
//! replayed.

use std::collections::{BTreeMap, BTreeSet};

use model::address::{AddressKey, partition_of_app};
use model::command::{Command, Proposal, Resolution};
use model::id::{AppId, EndpointId, GroupId, MessageId, RegionId};
use model::message::{Claim, Status};
use model::opt_out::Block;
use model::outcome::Outcome;
use model::rows::RequestAnswer;
use model::time::Timestamp;
use model::version::Versions;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::actions::{Action, actions};
use super::cluster::Cluster;
use super::world::{PARTITIONS, START};
use crate::endpoints::{place_of, reason_of};
use crate::forbid::{Whom, ban};
use crate::tables::{
    AppSendStates, Apps, BlockedKeys, Blocks, Endpoints, MemoryTables, Messages, Meta, Outbox, ProgressOf, Requests,
    RowAccess,
};
use crate::{ApplyContext, Effect, VERSIONS, apply, apply_entry};

/// One entry of a group's log.
type Entry = (Timestamp, Proposal);

proptest! {
    #[test]
    fn any_interleaving_keeps_every_rule(actions in actions(120)) {
        let mut checker = Checker::default();
        run(&actions, |applied| checker.check(&applied));
    }

    #[test]
    fn a_log_gives_the_same_tables_answers_and_effects_again(actions in actions(90), cut in 0_usize..200) {
        let history = run(&actions, |_| {});
        for group in GroupId::all(PARTITIONS) {
            let log = &history.logs[usize::from(group.0)];
            let (at_once, effects) = replay(MemoryTables::default(), group, log);
            prop_assert_eq!(&at_once, &history.cluster.world.groups[usize::from(group.0)]);
            let (first, second) = log.split_at(cut.min(log.len()));
            let (snapshot, mut early) = replay(MemoryTables::default(), group, first);
            let (resumed, late) = replay(snapshot.clone(), group, second);
            early.extend(late);
            prop_assert_eq!(&resumed, &at_once);
            prop_assert_eq!(&early, &effects);
            prop_assert_eq!(replay_merged(group, log), (at_once, effects));
        }
    }

    /// Until a group is raised, an older build writes the same rows from the same log: either may be started again.
    #[test]
    fn an_older_build_gets_the_same_until_the_version_is_raised(actions in actions(90)) {
        let history = run(&actions, |_| {});
        for group in GroupId::all(PARTITIONS) {
            let log = &history.logs[usize::from(group.0)];
            let raises = |(_, proposal): &Entry| {
                matches!(proposal.command, Command::SetApplyVersion { version } if version > Versions::UNSAID.newest())
            };
            let until = log.iter().position(raises).unwrap_or(log.len());
            let older = replay_as(Versions::UNSAID, MemoryTables::default(), group, &log[..until]);
            let newer = replay(MemoryTables::default(), group, &log[..until]);
            prop_assert_eq!(&older, &newer);
            let Some((stamp, raise)) = log.get(until) else { continue };
            let context = ApplyContext { group, partitions: PARTITIONS, known: Versions::UNSAID, stamp: *stamp };
            prop_assert!(apply(&mut older.0.clone(), context, raise, &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn what_is_carried_arrives(actions in actions(120)) {
        let mut world = run(&actions, |_| {}).cluster.world;
        world.carry();
        let mut said: BTreeMap<_, Block> = BTreeMap::new();
        let mut arrived = said.clone();
        for group in GroupId::partitions(PARTITIONS) {
            let tables = world.tables(group);
            let send_states = tables.rows_while::<AppSendStates>(&AppId(0), usize::MAX, |_| true).unwrap();
            for (app, send_state) in send_states {
                prop_assert_eq!(send_state.deleted, world.groups[0].row::<Apps>(&app).unwrap().is_none());
            }
            let open = |app: AppId| !tables.row::<AppSendStates>(&app).unwrap().is_some_and(|send_state| send_state.deleted);
            let from = (AppId(0), EndpointId::from_stored(""), AddressKey::from_stored(""));
            let rows = tables.rows_while::<BlockedKeys>(&from, usize::MAX, |_| true).unwrap();
            said.extend(rows.into_iter().filter(|(key, _)| open(key.0)).map(|((app, id, key), row)| ((app, key, id), row)));
            let from = (from.0, from.2, from.1);
            let rows = tables.rows_while::<Blocks>(&from, usize::MAX, |_| true).unwrap();
            arrived.extend(rows.into_iter().filter(|(key, _)| open(key.0)));
        }
        prop_assert_eq!(said, arrived);
    }

    #[test]
    fn what_forbids_an_endpoint_reaches_its_messages_wherever_they_wait(actions in actions(120)) {
        let mut been = BTreeSet::new();
        let mut world = run(&actions, |applied| {
            if let Outcome::Endpoint { endpoint, .. } = applied.outcome {
                let key = place_of(endpoint).map(|(key, _)| key);
                been.extend(key.map(|key| (endpoint.app, endpoint.id.clone(), key)));
            }
        }).cluster.world;
        world.carry();
        for group in GroupId::partitions(PARTITIONS) {
            for (_, message) in world.tables(group).rows_while::<Messages>(&MessageId(0), usize::MAX, |_| true).unwrap() {
                let Some(id) = message.endpoint.clone() else { continue };
                let open = world.groups[0].row::<Apps>(&message.app).unwrap().is_some();
                if !open || !been.contains(&(message.app, id.clone(), message.key.clone())) {
                    continue;
                }
                let home = partition_of_app(message.app, PARTITIONS);
                let endpoint = world.tables(home).row::<Endpoints>(&(message.app, id)).unwrap();
                if endpoint.as_ref().is_none_or(|endpoint| reason_of(endpoint).is_some()) {
                    let (app, channel) = (message.app, message.channel);
                    let whom = Whom { app, key: &message.key, channel, endpoint: message.endpoint.as_ref() };
                    prop_assert!(ban(world.tables(group), whom).unwrap().is_some(), "{:?} {:?}", message, endpoint);
                }
            }
        }
    }

    #[test]
    fn a_repeated_request_changes_nothing(actions in actions(90), pick in any::<prop::sample::Index>()) {
        let mut history = run(&actions, |_| {});
        let asked: Vec<(GroupId, Proposal)> = history.requests();
        prop_assume!(!asked.is_empty());
        let (group, proposal) = asked[pick.index(asked.len())].clone();
        let world = &mut history.cluster.world;
        let before = world.tables(group).clone();
        let answered = before.row::<Requests>(&proposal.request.unwrap()).unwrap();
        let expected = answered.and_then(|row| first_answer(&proposal.command, row.answer));
        prop_assume!(expected.is_some());
        let outcome = world.propose(group, proposal);
        prop_assert_eq!(outcome, expected.unwrap());
        prop_assert_eq!(&world.effects, &[]);
        let mut expected = before;
        let clock = world.tables(group).row::<Meta>(&()).unwrap().unwrap().clock;
        let meta = expected.row::<Meta>(&()).unwrap().unwrap();
        expected.store_row::<Meta>((), model::rows::GroupMeta { clock, ..meta });
        prop_assert_eq!(world.tables(group), &expected);
    }
}

/// Returns what a command was answered first; nothing when a part of it has no answer that is kept.
fn first_answer(command: &Command, answer: RequestAnswer) -> Option<Outcome> {
    match (command, answer) {
        (Command::AcceptMessages(accept), RequestAnswer::Recipients(answers)) => {
            let answers = accept.recipients.iter().map(|recipient| answers.get(&recipient.name).cloned());
            answers.collect::<Option<_>>().map(Outcome::Accepted)
        }
        (Command::AcceptMessages(_), RequestAnswer::Whole(_)) => None,
        (_, RequestAnswer::Whole(outcome)) => Some(outcome),
        (_, RequestAnswer::Recipients(_)) => None,
    }
}

/// A command that was just applied.
struct Applied<'a> {
    cluster: &'a Cluster,
    group: GroupId,
    command: &'a Command,
    outcome: &'a Outcome,
}

/// What a run left behind.
struct History {
    cluster: Cluster,
    logs: Vec<Vec<Entry>>,
}

impl History {
    fn requests(&self) -> Vec<(GroupId, Proposal)> {
        let of_group = |group: GroupId| {
            let log = &self.logs[usize::from(group.0)];
            log.iter()
                .filter(|(_, proposal)| proposal.request.is_some())
                .map(move |(_, proposal)| (group, proposal.clone()))
        };
        GroupId::all(PARTITIONS).flat_map(of_group).collect()
    }
}

/// Runs actions on a new cluster; every command is followed by a check of every rule, and by `check`.
fn run(actions: &[Action], mut check: impl FnMut(Applied<'_>)) -> History {
    let mut cluster = Cluster::new();
    let mut logs = vec![Vec::new(); usize::from(PARTITIONS) + 1];
    for action in actions {
        for (group, proposal) in cluster.proposals(action) {
            logs[usize::from(group.0)].push((Timestamp(cluster.world.now), proposal.clone()));
            let outcome = cluster.world.propose(group, proposal.clone());
            cluster.learn(&proposal.command, &outcome);
            check(Applied { cluster: &cluster, group, command: &proposal.command, outcome: &outcome });
        }
    }
    History { cluster, logs }
}

fn replay(tables: MemoryTables, group: GroupId, log: &[Entry]) -> (MemoryTables, Vec<Effect>) {
    replay_as(VERSIONS, tables, group, log)
}

/// Replays a log as a build does that knows these versions.
fn replay_as(known: Versions, mut tables: MemoryTables, group: GroupId, log: &[Entry]) -> (MemoryTables, Vec<Effect>) {
    let mut effects = Vec::new();
    for (stamp, proposal) in log {
        let context = ApplyContext { group, partitions: PARTITIONS, known, stamp: *stamp };
        apply(&mut tables, context, proposal, &mut effects).unwrap();
    }
    (tables, effects)
}

/// Replays a log whose neighbours with one stamp are merged into one entry.
fn replay_merged(group: GroupId, log: &[Entry]) -> (MemoryTables, Vec<Effect>) {
    let (mut tables, mut effects) = (MemoryTables::default(), Vec::new());
    for chunk in log.chunk_by(|left, right| left.0 == right.0) {
        let proposals: Vec<Proposal> = chunk.iter().map(|(_, proposal)| proposal.clone()).collect();
        let context = ApplyContext { group, partitions: PARTITIONS, known: VERSIONS, stamp: chunk[0].0 };
        let outcomes = apply_entry(&mut tables, context, &proposals, &mut effects).unwrap();
        assert_eq!(outcomes.len(), proposals.len());
    }
    (tables, effects)
}

/// What must hold from command to command.
#[derive(Default)]
struct Checker {
    ended: BTreeMap<MessageId, Status>,
    held: BTreeMap<MessageId, Option<Claim>>,
    claimed: BTreeMap<MessageId, Claim>,
    schedule: BTreeMap<(RegionId, MessageId), (Timestamp, u32)>,
}

impl Checker {
    fn check(&mut self, applied: &Applied<'_>) {
        let (world, group) = (&applied.cluster.world, applied.group);
        self.invariant_at_most_one_claim(applied.command, applied.outcome);
        self.invariant_the_held_wait_for_a_word(applied.command, world.tables(group), group);
        self.invariant_the_end_is_the_end(applied.command, world.tables(group), group);
        self.invariant_effects_tell_the_outbox(&world.effects, world.tables(group), group);
    }

    /// Between two claims of a message by two holders something is recorded of the first.
    fn invariant_at_most_one_claim(&mut self, command: &Command, outcome: &Outcome) {
        match (command, outcome) {
            (Command::Claim { claim, .. }, Outcome::Claimed(messages)) => {
                for message in messages {
                    let other = self.claimed.insert(*message, *claim);
                    assert!(other.is_none_or(|other| other == *claim), "{message} is claimed by two");
                }
            }
            (Command::Settle { results, .. }, Outcome::Recorded { changed: 1 }) => {
                self.claimed.remove(&results[0].message);
            }
            (Command::ReleaseClaims { claim, messages }, _) if self.claimed.get(&messages[0]) == Some(claim) => {
                self.claimed.remove(&messages[0]);
            }
            (Command::ResolveHeld { messages, resolution: Resolution::Resend }, Outcome::Recorded { changed: 1 }) => {
                self.claimed.remove(&messages[0]);
            }
            _ => {}
        }
    }

    /// A held message waits again only when its claimant says that it can, or somebody decides so; and by its
    /// claimant's word that it did not begin it is held no longer.
    fn invariant_the_held_wait_for_a_word(&mut self, command: &Command, tables: &MemoryTables, group: GroupId) {
        let rows = tables.rows_while::<ProgressOf>(&MessageId(0), usize::MAX, |_| true).unwrap();
        for (id, row) in &rows {
            let Some(claim) = self.held.get(id) else { continue };
            let released = matches!(command, Command::ReleaseClaims { claim: by, messages } if messages.contains(id) && Some(*by) == *claim);
            assert!(!released || row.status != Status::Held, "{id} is held although its claimant gave it back");
            let settled = claim.is_some() && matches!(command, Command::Settle { .. });
            let decided = matches!(command, Command::ResolveHeld { resolution: Resolution::Resend, .. });
            assert!(row.status != Status::Waiting || released || settled || decided, "{id} waits again by {command:?}");
        }
        self.held.retain(|id, _| id.group() != group);
        let held = rows.into_iter().filter(|(_, row)| row.status == Status::Held);
        self.held.extend(held.map(|(id, row)| (id, row.claim)));
    }

    /// A message that ended stays as it is until it is retired; only the word that a provider took it makes it
    /// delivered.
    fn invariant_the_end_is_the_end(&mut self, command: &Command, tables: &MemoryTables, group: GroupId) {
        let rows = tables.rows_while::<ProgressOf>(&MessageId(0), usize::MAX, |_| true).unwrap();
        let now: BTreeMap<MessageId, Status> = rows.into_iter().map(|(id, row)| (id, row.status)).collect();
        for (id, status) in self.ended.iter().filter(|(id, _)| id.group() == group) {
            let told = matches!(command, Command::Settle { .. } | Command::RecordEvents { .. });
            let stays = |now: &Status| now == status || (told && *now == Status::Delivered);
            assert!(now.get(id).is_none_or(stays), "{id} was {status}");
        }
        self.claimed.retain(|id, _| id.group() != group || now.get(id).is_some_and(|status| !status.is_final()));
        self.ended.retain(|id, _| id.group() != group);
        self.ended.extend(now.into_iter().filter(|(_, status)| status.is_final()));
    }

    /// Whoever follows the effects knows what the outbox holds.
    fn invariant_effects_tell_the_outbox(&mut self, effects: &[Effect], tables: &MemoryTables, group: GroupId) {
        for effect in effects {
            match effect {
                Effect::Waiting { region, due, message, attempts, .. } => {
                    self.schedule.insert((region.clone(), *message), (*due, *attempts));
                }
                Effect::Gone { region, message } => {
                    self.schedule.remove(&(region.clone(), *message));
                }
                _ => {}
            }
        }
        let from = (RegionId::from_stored(""), Timestamp(0), MessageId(0));
        let rows = tables.rows_while::<Outbox>(&from, usize::MAX, |_| true).unwrap();
        let expected: BTreeMap<_, _> =
            rows.into_iter().map(|((region, due, id), row)| ((region, id), (due, row.attempts))).collect();
        let found: BTreeMap<_, _> = self
            .schedule
            .iter()
            .filter(|(key, _)| key.1.group() == group)
            .map(|(key, due)| (key.clone(), *due))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn runs_reach_what_they_are_to_check() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut reached: BTreeMap<&'static str, u32> = BTreeMap::new();
    for _ in 0..400 {
        let actions = actions(120).new_tree(&mut runner).unwrap().current();
        let history = run(&actions, |applied| {
            let worked = match applied.outcome {
                Outcome::Refused(_) => false,
                Outcome::Chunk { touched, .. } => *touched > 0,
                Outcome::Recorded { changed } => *changed > 0,
                Outcome::Claimed(messages) => !messages.is_empty(),
                _ => true,
            };
            *reached.entry(applied.command.name()).or_default() += u32::from(worked);
        });
        assert!(history.cluster.world.now >= START);
    }
    assert!(reached.len() == 28 && reached.values().all(|times| *times >= 10), "{reached:?}");
}
