//! What happened in a run, as its observers saw it: what clients asked and were answered, what the provider was handed,
//! what the nemesis did. Every record also becomes a line of the trace, whose hash says whether two runs were the same.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::id::{GroupId, MessageId, NodeId, Term};
use model::message::{Class, Progress};

use super::determinism::elapsed_ns;
use super::faults::{Fault, Span, Tick};
use super::layout::name;
use super::operations::{Answered, Asked, Dispatch, Operation, Reply};

/// How many are kept of what is found in every few steps.
const FOUND_KEPT: usize = 20;

/// Everything recorded.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// In the order of their beginning.
    pub operations: Vec<Operation>,
    /// In the order of their beginning.
    pub dispatches: Vec<Dispatch>,
    /// In the order of their beginning.
    pub faults: Vec<Span>,
    /// Nodes that stopped by themselves: when, which, and why.
    pub stops: Vec<(Tick, NodeId, String)>,
    /// Where a group's time was off true time.
    pub times_off: Vec<String>,
    /// Where a dispatch could have begun that a promise forbids; the first of them.
    pub wrong_permits: Vec<String>,
    /// Where replicas differed while the run went on; the first of them.
    pub differences: Vec<String>,
    /// The same of rules of the tables that they broke.
    pub broken_rules: Vec<String>,
    /// When a node was outside the cluster; without an end while it is.
    pub outside: Vec<(NodeId, Tick, Option<Tick>)>,
    /// When a node lost what was not synced, because its machine lost power or its disk.
    pub power_losses: Vec<(Tick, NodeId)>,
    /// When each leadership was first seen: the group, the node and the term.
    pub leaderships: BTreeMap<(GroupId, NodeId, Term), Tick>,
    /// When each alarm of a cut line was seen, by its subject: the first and the last time.
    pub cut_lines: Vec<(String, Tick, Tick)>,
    /// When everything slept for days, and what was known of messages then.
    pub slept: Option<Slept>,
    trace: Vec<String>,
}

/// What the run was like when everything slept.
#[derive(Debug, Clone)]
pub struct Slept {
    /// When that was.
    pub at: Tick,
    /// Messages with their classes and how far they had got, as far as anybody knew.
    pub messages: BTreeMap<MessageId, (Class, Progress)>,
}

/// For how long an alarm that isn't seen is taken for the same.
const CUT_GAP_MS: Tick = 1_000;

/// Where everything is recorded.
#[derive(Debug, Default)]
pub struct History(Mutex<Records>);

/// Names a record, to add its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

/// Returns the present.
pub fn now() -> Tick {
    elapsed_ns() / 1_000_000
}

impl History {
    /// Records the beginning of an operation.
    pub fn ask(&self, node: NodeId, asked: Asked) -> Place {
        let mut records = self.records();
        let place = records.operations.len();
        records.line(format!("{} asks #{place} {asked:?}", name(node)));
        records.operations.push(Operation { node, asked, from: now(), answer: None });
        Place(place)
    }

    /// Records an answer.
    pub fn answer(&self, Place(place): Place, answer: Answered) {
        let mut records = self.records();
        let node = name(records.operations[place].node);
        records.line(format!("{node} told #{place} {answer:?}"));
        records.operations[place].answer = Some((now(), answer));
    }

    /// Records the beginning of a dispatch.
    pub fn dispatch(&self, dispatch: Dispatch) -> Place {
        let mut records = self.records();
        let place = records.dispatches.len();
        let Dispatch { node, incarnation, message, attempt, epoch, class, to, .. } = &dispatch;
        let (node, address) = (name(*node), &to.address);
        let line = format!(
            "{node} incarnation {incarnation} dispatches {message} {class} attempt {attempt} epoch {epoch} to {address}"
        );
        records.line(line);
        records.dispatches.push(dispatch);
        Place(place)
    }

    /// Records what the provider said.
    pub fn reply(&self, Place(place): Place, reply: Reply) {
        let mut records = self.records();
        let message = records.dispatches[place].message;
        records.line(format!("provider says {reply:?} to {message}"));
        records.dispatches[place].reply = Some((now(), reply));
    }

    /// Records the beginning of a fault.
    pub fn fault_begins(&self, fault: &Fault) -> Place {
        let mut records = self.records();
        let place = records.faults.len();
        records.line(format!("NEMESIS begins {fault}"));
        records.faults.push(Span { from: now(), to: None, fault: fault.clone() });
        Place(place)
    }

    /// Records the end of a fault.
    pub fn fault_ends(&self, Place(place): Place) {
        let mut records = self.records();
        let fault = records.faults[place].fault.clone();
        records.line(format!("NEMESIS ends {fault}"));
        records.faults[place].to = Some(now());
    }

    /// Records that a node stopped by itself.
    pub fn stopped(&self, node: NodeId, reason: String) {
        let mut records = self.records();
        records.line(format!("{} stopped: {reason}", name(node)));
        records.stops.push((now(), node, reason));
    }

    /// Records that a group's time is off true time.
    pub fn time_off(&self, text: String) {
        let mut records = self.records();
        records.line(format!("TIME OFF {text}"));
        records.times_off.push(format!("at {} ms: {text}", now()));
    }

    /// Records that a dispatch could have begun that a promise forbids. What is wrong once is wrong for many steps.
    pub fn wrong_permit(&self, text: String) {
        let mut records = self.records();
        records.line(format!("WRONG PERMIT {text}"));
        keep(&mut records.wrong_permits, text);
    }

    /// Records that two replicas differ.
    pub fn differs(&self, text: String) {
        keep(&mut self.records().differences, text);
    }

    /// Records that a replica's tables break a rule.
    pub fn breaks_rule(&self, text: String) {
        keep(&mut self.records().broken_rules, text);
    }

    /// Records that a node is outside the cluster from now on.
    pub fn is_outside(&self, node: NodeId) {
        self.records().outside.push((node, now(), None));
    }

    /// Records that a node is in the cluster from now on.
    pub fn is_inside(&self, node: NodeId) {
        let mut records = self.records();
        let mut spans = records.outside.iter_mut();
        if let Some((_, _, to)) = spans.find(|(outside, _, to)| *outside == node && to.is_none()) {
            *to = Some(now());
        }
    }

    /// Records that everything sleeps, and what was known before.
    pub fn sleeps(&self, messages: BTreeMap<MessageId, (Class, Progress)>) {
        self.records().slept = Some(Slept { at: now(), messages });
    }

    /// Records that a node lost what was not synced.
    pub fn lost_power(&self, node: NodeId) {
        let mut records = self.records();
        records.line(format!("{} loses what was not synced", name(node)));
        records.power_losses.push((now(), node));
    }

    /// Records that a node leads a group.
    pub fn leads(&self, group: GroupId, node: NodeId, term: Term) {
        self.records().leaderships.entry((group, node, term)).or_insert_with(now);
    }

    /// Records that an alarm of a cut line is raised. One that was not seen for a while begins anew.
    pub fn line_is_cut(&self, subject: &str) {
        let (mut records, now) = (self.records(), now());
        let lasting =
            records.cut_lines.iter_mut().find(|(known, _, last)| known == subject && now - *last < CUT_GAP_MS);
        match lasting {
            Some((_, _, last)) => *last = now,
            None => records.cut_lines.push((subject.to_owned(), now, now)),
        }
    }

    /// Adds a line to the trace.
    pub fn note(&self, text: String) {
        self.records().line(text);
    }

    /// Returns everything recorded up to now.
    pub fn snapshot(&self) -> Records {
        self.records().clone()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps what was found now, unless much was found before.
fn keep(found: &mut Vec<String>, text: String) {
    if found.len() < FOUND_KEPT {
        found.push(format!("at {} ms: {text}", now()));
    }
}

impl Records {
    /// Returns the lines of the trace.
    pub fn trace(&self) -> &[String] {
        &self.trace
    }

    /// Returns a hash of the trace (FNV-1a).
    pub fn trace_hash(&self) -> u64 {
        let bytes = self.trace.iter().flat_map(|line| line.bytes().chain([b'\n']));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }

    fn line(&mut self, text: String) {
        self.trace.push(format!("{:>7} {text}", now()));
    }
}
