//! Who carries out what goes wrong in a run.

use std::sync::Arc;
use std::time::Duration;

use model::id::NodeId;

use super::cluster::Cluster;
use super::determinism;
use super::faults::{FOR_GOOD, Fault, Planned, Tick};
use super::history::Place;
use super::layout::name;
use super::machines::Machines;
use super::replica;
use super::schedule::RESTART_MS;
use super::world::SimRandom;

/// Carries out a schedule.
pub struct Nemesis {
    cluster: Arc<Cluster>,
    waiting: std::collections::VecDeque<Planned>,
    lasting: Vec<Lasting>,
    random: SimRandom,
}

struct Lasting {
    until: Tick,
    /// When a node that is down starts again before the end.
    restart: Option<Tick>,
    fault: Fault,
    place: Place,
}

impl Nemesis {
    /// Begins a schedule, which is ordered by time.
    pub fn new(cluster: Arc<Cluster>, planned: Vec<Planned>) -> Nemesis {
        Nemesis { random: cluster.random(), cluster, waiting: planned.into(), lasting: Vec::new() }
    }

    /// Says whether everything is over.
    pub fn is_done(&self) -> bool {
        let power_is_lost = self.cluster.settings.nodes().any(|node| self.cluster.disk(node).has_lost_power());
        let all_over = self.lasting.iter().all(|lasting| lasting.until == FOR_GOOD);
        self.waiting.is_empty() && all_over && !power_is_lost
    }

    /// Begins and ends what is due.
    pub fn step(&mut self, machines: &mut Machines, now: Tick) {
        let mut restarts = Vec::new();
        for lasting in &mut self.lasting {
            if lasting.restart.take_if(|at| *at <= now).is_some()
                && let Fault::RestartIsolated(node) = lasting.fault
            {
                restarts.push(node);
            }
        }
        restarts.into_iter().for_each(|node| self.start(machines, node));
        for stopped in self.cluster.take_ended() {
            self.kill(machines, stopped);
        }
        self.replace(machines);
        for node in self.cluster.settings.nodes() {
            if self.cluster.disk(node).has_lost_power() {
                let fault = Fault::LosePower(node);
                let place = self.cluster.history.fault_begins(&fault);
                self.kill(machines, node);
                self.lose_power(node);
                let until = now + RESTART_MS.0 + self.random.below(RESTART_MS.1 - RESTART_MS.0);
                self.lasting.push(Lasting { until, restart: None, fault, place });
            }
        }
        let (over, lasting) = std::mem::take(&mut self.lasting).into_iter().partition(|fault| fault.until <= now);
        self.lasting = lasting;
        for ended in over {
            self.end(machines, &ended.fault);
            self.cluster.history.fault_ends(ended.place);
        }
        while let Some(next) = self.waiting.pop_front_if(|next| next.from <= now) {
            let place = self.cluster.history.fault_begins(&next.fault);
            let restart = Some(now.saturating_add(next.lasts / 3));
            let until = now.saturating_add(next.lasts);
            self.begin(machines, &next.fault, until);
            self.lasting.push(Lasting { until, restart, fault: next.fault, place });
        }
    }

    /// Destroys the nodes that an operator is to replace, and starts those again as others that were removed.
    fn replace(&self, machines: &mut Machines) {
        for node in self.cluster.members.take_lost() {
            self.cluster.members.removal_begins(node, || self.cluster.history.fault_begins(&Fault::Lose(node)));
            self.destroy(machines, node);
        }
        for (node, place) in self.cluster.members.take_removed() {
            self.destroy(machines, node);
            self.cluster.history.is_outside(node);
            machines.start(node);
            place.into_iter().for_each(|place| self.cluster.history.fault_ends(place));
        }
    }

    fn destroy(&self, machines: &mut Machines, node: NodeId) {
        self.kill(machines, node);
        self.lose_power(node);
        self.cluster.disk(node).lose();
    }

    fn begin(&self, machines: &mut Machines, fault: &Fault, until: Tick) {
        match fault {
            Fault::Isolate(node) => {
                self.others(*node).for_each(|other| machines.network.partition(name(*node), name(other)))
            }
            Fault::Cut(a, b) => machines.network.partition(name(*a), name(*b)),
            Fault::OneWay(from, to) => machines.network.partition_oneway(name(*from), name(*to)),
            Fault::Hold(a, b) => machines.network.hold(name(*a), name(*b)),
            Fault::Crash(node) | Fault::LosePower(node) => self.crash(machines, *node),
            Fault::Stop(node) => self.cluster.ask_to_stop(*node),
            Fault::Lose(node) | Fault::Remove(node) => self.destroy(machines, *node),
            Fault::Join(_) => {}
            Fault::LoseDisk(node) => {
                self.crash(machines, *node);
                self.cluster.disk(*node).lose();
                self.cluster.history.lost_power(*node);
            }
            Fault::CrashAll => self.cluster.settings.nodes().for_each(|node| self.crash(machines, node)),
            Fault::RestartIsolated(node) => {
                self.others(*node).for_each(|other| machines.network.partition(name(*node), name(other)));
                self.crash(machines, *node);
            }
            Fault::SlowDisk(node) => self.cluster.disk(*node).set_slow(true),
            Fault::FullDisk(node) => self.cluster.disk(*node).set_full(true),
            Fault::Pause(node) => machines.stand_still(*node, until, false),
            Fault::Suspend(node) => {
                self.others(*node).for_each(|other| machines.network.hold(name(*node), name(other)));
                self.cluster.clock(*node).sleep();
                machines.stand_still(*node, until, true);
            }
            Fault::SleepAll(hours) => {
                let replicas = replica::read_all(&self.cluster.running(), self.cluster.app());
                self.cluster.history.sleeps(replica::furthest(&replicas));
                determinism::sleep(Duration::from_secs(hours * 3_600));
            }
            Fault::WallClock(node, ahead) => self.cluster.clock(*node).jump(*ahead),
        }
    }

    fn end(&self, machines: &mut Machines, fault: &Fault) {
        match fault {
            Fault::Isolate(node) | Fault::RestartIsolated(node) => {
                self.others(*node).for_each(|other| machines.network.repair(name(*node), name(other)));
            }
            Fault::Cut(a, b) => machines.network.repair(name(*a), name(*b)),
            Fault::OneWay(from, to) => machines.network.repair_oneway(name(*from), name(*to)),
            Fault::Hold(a, b) => machines.network.release(name(*a), name(*b)),
            Fault::Crash(node) | Fault::LosePower(node) | Fault::LoseDisk(node) => self.start(machines, *node),
            Fault::Stop(node) => {
                if self.cluster.running().contains_key(node) {
                    let place = self.cluster.history.fault_begins(&Fault::Crash(*node));
                    self.crash(machines, *node);
                    self.cluster.history.fault_ends(place);
                }
                self.start(machines, *node);
            }
            Fault::CrashAll => self.cluster.settings.nodes().for_each(|node| self.start(machines, node)),
            Fault::Suspend(node) => {
                self.others(*node).for_each(|other| machines.network.release(name(*node), name(other)));
                self.cluster.clock(*node).wake();
            }
            Fault::SlowDisk(node) => self.cluster.disk(*node).set_slow(false),
            Fault::FullDisk(node) => {
                self.kill(machines, *node);
                self.cluster.disk(*node).set_full(false);
                self.start(machines, *node);
            }
            // What was removed starts at once; what is lost for good stays so.
            Fault::Lose(_) | Fault::Remove(_) | Fault::Join(_) => {}
            // It goes on by itself.
            Fault::Pause(_) | Fault::SleepAll(_) => {}
            Fault::WallClock(node, _) => self.cluster.clock(*node).jump(0),
        }
    }

    /// Starts a node, unless it is lost for good.
    fn start(&self, machines: &mut Machines, node: NodeId) {
        if !self.cluster.members.is_lost(node) {
            machines.start(node);
        }
    }

    /// Crashes a node. One time in two its machine loses power with it, and is booted again.
    fn crash(&self, machines: &mut Machines, node: NodeId) {
        self.kill(machines, node);
        if self.random.below(2) == 0 {
            self.lose_power(node);
        }
    }

    /// The machine is booted again: it lost what was not synced.
    fn lose_power(&self, node: NodeId) {
        self.cluster.clock(node).reboot();
        self.cluster.disk(node).forget_unsynced();
        self.cluster.history.lost_power(node);
    }

    /// The node stops first, so that nothing of it writes after its disk forgot.
    fn kill(&self, machines: &mut Machines, node: NodeId) {
        machines.kill(node);
        self.cluster.forget(node);
        self.cluster.disk(node).crash();
    }

    fn others(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        self.cluster.settings.nodes().filter(move |other| *other != node)
    }
}
