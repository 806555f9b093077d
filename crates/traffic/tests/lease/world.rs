//! The simulation's clock, network, faults and load. One tick is a millisecond of real time.

mod faults;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use model::{BootTime, Epoch};
use traffic::lease::{Acknowledgement, Answer, Decision, NoPermit, Reason, Renewal, TakeoverBasis};
use traffic::{LeaseTiming, TimingFields};

use crate::network::{Dice, Entry, Kind, Message};
use crate::node::{Check, NODES, Node, Role, index, region};
use crate::watch::{View, Watch};

pub use faults::Faults;

pub struct World {
    dice: Dice,
    faults: Faults,
    tick: u64,
    nodes: Vec<Node>,
    /// Offset in nanoseconds and rate in per mille of each node's clock.
    clocks: Vec<(u64, u64)>,
    flying: BTreeMap<(u64, u64), (usize, usize, Message)>,
    cut_until: [[u64; NODES]; NODES],
    start_at: [u64; NODES],
    numbers: u64,
    watch: Watch,
}

/// Clocks that err by up to a tenth, and durations that only just satisfy the inequalities.
fn timing() -> LeaseTiming {
    let ms = Duration::from_millis;
    LeaseTiming::new(TimingFields {
        lease: ms(100),
        critical_section: ms(5),
        lapse: ms(128),
        leader_lease: ms(49),
        vote_hold_off: ms(60),
        heartbeat: ms(10),
        round_trip: ms(10),
        jitter: ms(20),
        rho_per_mille: 100,
    })
    .expect("durations that hold")
}

impl World {
    pub fn new(seed: u64, faults: Faults) -> World {
        let mut dice = Dice::new(seed);
        let clocks = (0..NODES).map(|_| (dice.below(1_000_000_000_000), 900 + dice.below(3) * 100)).collect();
        World {
            dice,
            faults,
            tick: 0,
            nodes: (0..NODES).map(|number| Node::new(number, timing())).collect(),
            clocks,
            flying: BTreeMap::new(),
            cut_until: [[0; NODES]; NODES],
            start_at: [0; NODES],
            numbers: 0,
            watch: Watch::default(),
        }
    }

    pub fn run(mut self, ticks: u64) -> Watch {
        while self.tick < ticks && self.watch.violation.is_none() {
            self.tick += 1;
            self.deliver();
            for node in 0..NODES {
                self.step(node);
            }
            self.watch_everybody();
            self.cut_links();
        }
        self.watch
    }

    fn now(&self, node: usize) -> BootTime {
        let (offset, rate) = self.clocks[node];
        BootTime(offset + self.tick * rate * 1_000)
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        let cut = self.cut_until[from][to] > self.tick;
        if from != to && (cut || self.dice.chance(self.faults.loss_per_mille, 1_000)) {
            return;
        }
        let slow = self.dice.chance(self.faults.slow_per_mille, 1_000);
        let delay = if slow { 1 + self.dice.below(200) } else { 1 + self.dice.below(6) };
        let number = self.number();
        self.flying.insert((self.tick + delay, number), (from, to, message));
    }

    fn send_to_others(&mut self, from: usize, message: &Message) {
        for to in (0..NODES).filter(|to| *to != from) {
            self.send(from, to, message.clone());
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.tick) {
            let (from, to, message) = entry.remove();
            if self.nodes[to].up {
                self.receive(from, to, message);
            }
        }
    }

    fn receive(&mut self, from: usize, to: usize, message: Message) {
        let now = self.now(to);
        let node = &mut self.nodes[to];
        match message {
            Message::Append { term, .. } | Message::Heartbeat { term, .. } if term < node.term => {
                let term = node.term;
                self.send(to, from, Message::HigherTerm { term });
            }
            Message::Heartbeat { term, sent } => {
                node.adopt_term(term);
                node.heard(now, from);
                self.send(to, from, Message::Heard { term, sent });
            }
            Message::Append { term, log, commit } => {
                node.adopt_term(term);
                node.heard(now, from);
                node.appended(&log, commit);
                self.send(to, from, Message::Appended { term, length: log.len() });
            }
            Message::Heard { term, sent } if term == node.term => node.quorum_acked(sent),
            Message::Appended { term, length } if term == node.term => {
                if node.matched(from, length) {
                    self.watch.committed(&node.log[..node.commit]);
                }
            }
            Message::HigherTerm { term } => node.adopt_term(term),
            Message::AskVote { term, last, transfer } => {
                if let Some(vote) = node.vote(now, from, (term, last, transfer)) {
                    self.send(to, from, vote);
                }
            }
            Message::Vote { term } if term == node.term => self.voted(to),
            Message::ElectNow { term } if term == node.term => {
                let request = node.campaign(true);
                self.send_to_others(to, &request);
            }
            Message::Renew(renewal) => self.asked(from, to, renewal),
            Message::Report(report) => {
                if let Role::Leader(leading) = &mut node.role {
                    leading.granter.report(report);
                }
            }
            Message::Granted(grant) => match node.holder.granted(now, grant) {
                Answer::Usable(_) if node.applied < grant.need.0 as usize => self.watch.count("extended"),
                Answer::Usable(_) => self.watch.count("became usable at its need"),
                _ => {}
            },
            Message::Heard { .. } | Message::Appended { .. } | Message::Vote { .. } | Message::ElectNow { .. } => {}
        }
    }

    fn voted(&mut self, node: usize) {
        let (now, number) = (self.now(node), self.number());
        let Role::Candidate { votes, transfer } = &mut self.nodes[node].role else { return };
        *votes += 1;
        if *votes == 2 {
            let how = if *transfer { "tenure by transfer" } else { "tenure by election" };
            self.watch.count(how);
            self.nodes[node].become_leader(now, number);
        }
    }

    fn asked(&mut self, from: usize, to: usize, renewal: Renewal) {
        let (now, commit) = (self.now(to), index(self.nodes[to].commit));
        let Role::Leader(leading) = &mut self.nodes[to].role else { return };
        match leading.granter.request(now, renewal, commit) {
            Decision::Grant(grant) => self.send(to, from, Message::Granted(grant)),
            Decision::Refuse(reason) => self.watch.count(match reason {
                Reason::EarlierIncarnation => "refused: earlier incarnation",
                Reason::Unsure => "refused: unsure",
                Reason::Transferring => "refused: transferring",
                Reason::Retired => "refused: retired",
                Reason::NotHolder | Reason::HeldBy(_) => "refused: not the holder",
                Reason::TakingOver => "refused: taking over",
                Reason::Behind { .. } => "refused: behind",
            }),
        }
    }

    fn step(&mut self, number: usize) {
        let now = self.now(number);
        if !self.nodes[number].up {
            if self.tick >= self.start_at[number] {
                self.nodes[number].start(now);
            }
            return;
        }
        if self.dice.chance(self.faults.crash_per_10_000, 10_000) {
            self.nodes[number].up = false;
            let long = self.dice.chance(1, 2);
            self.start_at[number] = self.tick + 1 + self.dice.below(if long { 150 } else { 4 });
            return;
        }
        self.apply(number);
        self.check_and_begin(number, now);
        self.ask(number, now);
        if matches!(self.nodes[number].role, Role::Leader(_)) {
            self.lead(number, now);
        } else if !self.nodes[number].voter.refuses(now) {
            let lonely = now.since(self.nodes[number].heard_at) > timing().vote_hold_off();
            if self.dice.chance(if lonely { 40 } else { 1 }, 1_000) {
                self.campaign(number);
            }
        }
    }

    fn campaign(&mut self, number: usize) {
        let request = self.nodes[number].campaign(false);
        self.send_to_others(number, &request);
    }

    fn apply(&mut self, number: usize) {
        if self.dice.chance(5, 1_000) && self.faults.slow_per_mille > 0 {
            self.nodes[number].apply_per_mille = [1_000, 300, 30, 3][self.dice.below(4) as usize];
        }
        let node = &mut self.nodes[number];
        let behind = node.commit.saturating_sub(node.applied);
        if behind > 0 && self.dice.chance(node.apply_per_mille, 1_000) {
            node.apply(1 + self.dice.below(behind as u64) as usize);
        }
    }

    /// Begins what was checked, at its time, and checks anew.
    fn check_and_begin(&mut self, number: usize, now: BootTime) {
        let node = &mut self.nodes[number];
        for check in std::mem::take(&mut node.checks) {
            if now > check.begin_by {
                continue;
            }
            if now < check.begin_at {
                node.checks.push(check);
                continue;
            }
            self.watch.begins(number, &node.log, check.applied);
            self.watch.count("begun");
        }
        let wanted = node.checks.len() < 2 && self.dice.chance(300, 1_000);
        if let (true, Ok(permit)) = (wanted, node.holder.permit(now)) {
            let wait = permit.begin_by.since(now) / 5 * self.dice.below(6) as u32;
            node.checks.push(Check { applied: node.applied, begin_by: permit.begin_by, begin_at: now + wait });
        }
        node.note_fences();
    }

    fn ask(&mut self, number: usize, now: BootTime) {
        if now < self.nodes[number].renew_at {
            return;
        }
        let node = &mut self.nodes[number];
        node.renew_at = now + timing().renewal() / 2;
        let renewal = node.holder.request(now);
        let leader = if self.dice.chance(200, 1_000) { self.dice.below(3) as usize } else { node.leader };
        let target = if matches!(node.role, Role::Leader(_)) { number } else { leader };
        let message =
            if self.dice.chance(200, 1_000) { Message::Report(renewal.report) } else { Message::Renew(renewal) };
        self.send(number, target, message);
    }

    fn lead(&mut self, number: usize, now: BootTime) {
        let node = &mut self.nodes[number];
        let (term, log, commit) = (node.term, Rc::clone(&node.log), node.commit);
        let Role::Leader(leading) = &mut node.role else { return };
        if leading.step_down_at.is_some_and(|at| now >= at) {
            node.role = Role::Follower;
            return;
        }
        let transferring = leading.step_down_at.is_some();
        let append = now >= leading.append_at;
        if append {
            leading.append_at = now + timing().heartbeat() * 2;
        }
        if now >= leading.heartbeat_at {
            leading.heartbeat_at = now + timing().heartbeat();
            self.send_to_others(number, &Message::Heartbeat { term, sent: now });
        }
        if append {
            self.send_to_others(number, &Message::Append { term, log, commit });
        }
        self.propose(number, now);
        self.acknowledge(number, now);
        self.take_over(number, now);
        if !transferring && self.dice.chance(self.faults.transfer_per_10_000, 10_000) {
            let target = (number + 1 + self.dice.below(2) as usize) % NODES;
            self.transfer(number, target, now);
        }
    }

    fn propose(&mut self, number: usize, now: BootTime) {
        let entry = self.number();
        if self.dice.chance(40, 1_000) {
            let node = &mut self.nodes[number];
            let at = node.append(entry, Kind::OptOut);
            let Role::Leader(leading) = &mut node.role else { return };
            leading.granter.waiting(index(at), now);
            leading.waiting.push(at);
        } else if self.dice.chance(8, 1_000) {
            let evacuated = [None, Some(0), Some(1), Some(2)][self.dice.below(4) as usize];
            let node = &mut self.nodes[number];
            let epoch = View::of(&node.log).epoch + 1;
            node.append(entry, Kind::Adopt { epoch, evacuated });
        }
    }

    fn acknowledge(&mut self, number: usize, now: BootTime) {
        let commit = index(self.nodes[number].commit);
        let Role::Leader(leading) = &mut self.nodes[number].role else { return };
        let all = leading.granter.acknowledged_up_to(now, commit);
        let watch = &mut self.watch;
        leading.waiting.retain(|at| {
            let by_fences = leading.granter.acknowledged_up_to(BootTime(0), commit) >= index(*at);
            let answer = leading.granter.acknowledged(now, index(*at), commit);
            if (answer == Acknowledgement::Yes) != (index(*at) <= all) {
                watch.fail(format!("acknowledged and acknowledged_up_to disagree on {at}: {answer:?}, {all}"));
            }
            if answer != Acknowledgement::Yes {
                return true;
            }
            watch.acknowledged(*at);
            watch.count(if by_fences { "acknowledged by fences" } else { "acknowledged by lapse" });
            false
        });
    }

    fn take_over(&mut self, number: usize, now: BootTime) {
        let entry = self.number();
        let delay = Duration::from_millis(self.dice.below(20));
        let node = &mut self.nodes[number];
        // Whether the plan is committed must not matter, as R12 refuses what comes to nothing.
        let view = if entry.is_multiple_of(2) { node.view() } else { View::of(&node.log) };
        let Role::Leader(leading) = &mut node.role else { return };
        if let Some((moved, epoch, basis, at)) = leading.takeover {
            if now >= at {
                leading.takeover = None;
                let at = node.append(entry, Kind::Takeover { epoch, region: moved });
                let Role::Leader(leading) = &mut node.role else { return };
                leading.granter.takeover_appended(&region(moved), basis, index(at));
            }
            return;
        }
        let Some(moved) = view.evacuated else { return };
        let done = |entry: &Entry| entry.kind == Kind::Takeover { epoch: view.epoch, region: moved };
        if node.log.iter().any(done) {
            return;
        }
        let basis = leading.granter.begin_takeover(now, &region(moved), Epoch(view.epoch));
        let Some(basis) = basis else { return };
        leading.takeover = Some((moved, view.epoch, basis, now + delay));
        self.watch.count(match basis {
            TakeoverBasis::Drained => "takeover of a drained region",
            TakeoverBasis::Lapsed => "takeover of a lapsed region",
        });
    }

    fn transfer(&mut self, number: usize, target: usize, now: BootTime) {
        let node = &mut self.nodes[number];
        let term = node.term;
        let Role::Leader(leading) = &mut node.role else { return };
        leading.granter.begin_transfer();
        leading.step_down_at.get_or_insert(now + timing().vote_hold_off() * 3);
        self.send(number, target, Message::ElectNow { term });
    }

    /// A permit that a node would get now is a dispatch that may begin now.
    fn watch_everybody(&mut self) {
        for number in 0..NODES {
            let now = self.now(number);
            let node = &self.nodes[number];
            match node.holder.permit(now) {
                Ok(_) if node.up => self.watch.begins(number, &node.log, node.applied),
                Err(NoPermit::Behind { .. }) => self.watch.count("behind its need"),
                _ => {}
            }
        }
    }
}
