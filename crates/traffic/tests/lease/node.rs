//! One node of the simulation: a plain Raft with the lease's three machines where docs/lease.md puts them.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::{BootTime, Incarnation, LogIndex, NodeId, RegionId, Term};
use traffic::LeaseTiming;
use traffic::lease::{Granter, Holder, HolderId, Host, Tenure, Voter};

use crate::network::{Entry, Kind, Message};
use crate::watch::View;

pub const NODES: usize = 3;

/// A check that allowed a dispatch which has not begun.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    pub applied: usize,
    pub begin_by: BootTime,
    pub begin_at: BootTime,
}

/// What only a leader has.
pub struct Leading {
    pub granter: Granter,
    pub matched: [usize; NODES],
    pub heartbeat_at: BootTime,
    pub append_at: BootTime,
    pub step_down_at: Option<BootTime>,
    pub waiting: Vec<usize>,
    /// A takeover that was decided and is appended later, as proposals are.
    pub takeover: Option<(usize, u64, traffic::lease::TakeoverBasis, BootTime)>,
}

pub enum Role {
    Follower,
    Candidate { votes: usize, transfer: bool },
    Leader(Box<Leading>),
}

pub struct Node {
    pub number: usize,
    pub timing: LeaseTiming,
    // Survives a crash.
    pub term: u64,
    pub voted: Option<usize>,
    pub log: Rc<Vec<Entry>>,
    pub incarnation: u64,
    // Lost in a crash.
    pub up: bool,
    pub commit: usize,
    pub applied: usize,
    pub role: Role,
    pub leader: usize,
    /// When it last heard a leader: whether it has a reason to campaign.
    pub heard_at: BootTime,
    pub holder: Holder,
    pub voter: Voter,
    pub checks: Vec<Check>,
    pub renew_at: BootTime,
    pub apply_per_mille: u32,
}

pub fn region(number: usize) -> RegionId {
    RegionId::new(["a", "b", "c"][number]).expect("a region's name")
}

pub fn index(length: usize) -> LogIndex {
    LogIndex(length as u64)
}

impl Node {
    pub fn new(number: usize, timing: LeaseTiming) -> Node {
        Node {
            number,
            timing,
            term: 0,
            voted: None,
            log: Rc::new(Vec::new()),
            incarnation: 0,
            up: false,
            commit: 0,
            applied: 0,
            role: Role::Follower,
            leader: number,
            heard_at: BootTime(0),
            holder: Holder::new(
                HolderId { node: NodeId(0), incarnation: Incarnation(0), region: region(number) },
                &timing,
            ),
            voter: Voter::new(timing, BootTime(0)),
            checks: Vec::new(),
            renew_at: BootTime(0),
            apply_per_mille: 1_000,
        }
    }

    pub fn start(&mut self, now: BootTime) {
        self.up = true;
        self.incarnation += 1;
        let id = HolderId {
            node: NodeId(self.number as u64),
            incarnation: Incarnation(self.incarnation),
            region: region(self.number),
        };
        self.holder = Holder::new(id, &self.timing);
        self.voter = Voter::new(self.timing, now);
        self.role = Role::Follower;
        (self.commit, self.applied) = (0, 0);
        self.checks.clear();
        self.renew_at = now;
        self.heard_at = BootTime(0);
    }

    pub fn adopt_term(&mut self, term: u64) {
        if term > self.term {
            self.term = term;
            self.voted = None;
            self.role = Role::Follower;
        }
    }

    pub fn last(&self) -> (u64, usize) {
        (self.log.last().map_or(0, |entry| entry.term), self.log.len())
    }

    /// Begins an election and returns the request for votes.
    pub fn campaign(&mut self, transfer: bool) -> Message {
        self.term += 1;
        self.voted = Some(self.number);
        self.role = Role::Candidate { votes: 1, transfer };
        Message::AskVote { term: self.term, last: self.last(), transfer }
    }

    /// Answers a request for a vote; nothing when the voter refuses.
    pub fn vote(&mut self, now: BootTime, candidate: usize, request: (u64, (u64, usize), bool)) -> Option<Message> {
        let (term, last, transfer) = request;
        if !transfer && self.voter.refuses(now) {
            return None;
        }
        self.adopt_term(term);
        let free = self.voted.is_none_or(|voted| voted == candidate);
        let grants = term == self.term && free && last >= self.last();
        grants.then(|| {
            self.voted = Some(candidate);
            Message::Vote { term }
        })
    }

    pub fn become_leader(&mut self, now: BootTime, number: u64) {
        let tenure = Tenure { term: Term(self.term), began: now, log_end: index(self.log.len()) };
        let hosts: BTreeMap<NodeId, Host> =
            (0..NODES).map(|node| (NodeId(node as u64), Host { region: region(node), holds: true })).collect();
        self.role = Role::Leader(Box::new(Leading {
            granter: Granter::new(self.timing, tenure, &hosts),
            matched: [0; NODES],
            heartbeat_at: now,
            append_at: now,
            step_down_at: None,
            waiting: Vec::new(),
            takeover: None,
        }));
        self.append(number, Kind::Blank);
    }

    /// Appends an entry to a leader's log and returns its index.
    pub fn append(&mut self, number: u64, kind: Kind) -> usize {
        Rc::make_mut(&mut self.log).push(Entry { term: self.term, number, kind });
        if let Role::Leader(leading) = &mut self.role {
            leading.matched[self.number] = self.log.len();
        }
        self.log.len()
    }

    /// Takes a heartbeat or an append of the term's leader.
    pub fn heard(&mut self, now: BootTime, leader: usize) {
        self.voter.heartbeat(now);
        self.role = Role::Follower;
        self.leader = leader;
        self.heard_at = now;
    }

    /// Takes a leader's log: what it doesn't contradict stays.
    pub fn appended(&mut self, log: &Rc<Vec<Entry>>, commit: usize) {
        if !self.log.starts_with(log) {
            self.log = Rc::clone(log);
        }
        self.commit = self.commit.max(commit.min(log.len()));
    }

    /// Counts the answer to a heartbeat. Of three nodes, the leader and one other are a quorum.
    pub fn quorum_acked(&mut self, sent: BootTime) {
        if let Role::Leader(leading) = &mut self.role {
            self.voter.quorum_acked(sent);
            leading.granter.quorum_acked(sent);
        }
    }

    /// Counts a follower's progress; says whether the commit index moved.
    pub fn matched(&mut self, from: usize, length: usize) -> bool {
        let Role::Leader(leading) = &mut self.role else { return false };
        leading.matched[from] = leading.matched[from].max(length);
        let mut matched = leading.matched;
        matched.sort_unstable();
        let quorum = matched[1];
        let moved = quorum > self.commit && self.log[quorum - 1].term == self.term;
        if moved {
            self.commit = quorum;
        }
        moved
    }

    pub fn apply(&mut self, entries: usize) {
        self.applied += entries;
        self.holder.applied(index(self.applied));
    }

    pub fn view(&self) -> View {
        View::of(&self.log[..self.applied])
    }

    /// Reports what R10 and R11 define, as the gate and the sender would.
    pub fn note_fences(&mut self) {
        let fenced = self.checks.iter().map(|check| check.applied).min().unwrap_or(self.applied);
        self.holder.fenced(index(fenced));
        let view = self.view();
        let drained = view.evacuated == Some(self.number) && fenced >= view.adopted_at;
        self.holder.drained(drained.then_some(model::Epoch(view.epoch)));
    }
}
