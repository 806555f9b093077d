//! The machines of a run: on each a kernel, which is a host of turmoil's network, and a process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::id::NodeId;

use super::cluster::Cluster;
use super::faults::Tick;
use super::kernel::{self, Port};
use super::layout::name;
use super::node;
use super::process::{Process, STEP};
use super::world::SimRandom;

/// How many segments may wait on a simulated connection.
const TCP_CAPACITY: usize = 65_536;

/// All machines, and the network between them.
pub struct Machines {
    /// The network.
    pub network: turmoil::Sim<'static>,
    cluster: Arc<Cluster>,
    ports: BTreeMap<NodeId, Port>,
    processes: BTreeMap<NodeId, Process>,
    random: SimRandom,
}

impl Machines {
    /// Makes a machine for each node, and starts the node on it.
    pub fn new(cluster: &Arc<Cluster>) -> Machines {
        let (shortest, longest) = cluster.settings.latency();
        let mut network = turmoil::Builder::new()
            .rng_seed(cluster.settings.seed)
            .simulation_duration(Duration::MAX)
            .tick_duration(STEP)
            .min_message_latency(shortest)
            .max_message_latency(longest)
            .tcp_capacity(TCP_CAPACITY)
            .enable_random_order()
            .build();
        let (mut ports, mut processes) = (BTreeMap::new(), BTreeMap::new());
        for id in cluster.settings.nodes() {
            let port = Port::default();
            processes.extend(started(cluster, id, &port).map(|process| (id, process)));
            let its = port.clone();
            network.host(name(id), move || kernel::run(its.clone()));
            ports.insert(id, port);
        }
        Machines { network, ports, processes, random: cluster.random(), cluster: cluster.clone() }
    }

    /// Lets a step of time pass everywhere, in a drawn order. Returns what ended with an error.
    pub fn step(&mut self, now: Tick) -> Vec<String> {
        let mut failed: Vec<String> = self.network.step().err().map(|error| error.to_string()).into_iter().collect();
        let nodes: Vec<NodeId> = self.processes.keys().copied().collect();
        let first = self.random.below(nodes.len().max(1) as u64) as usize;
        for place in 0..nodes.len() {
            let node = nodes[(first + place) % nodes.len()];
            let ended = self.processes.get_mut(&node).and_then(|process| process.step(now));
            failed.extend(ended.map(|error| format!("{}: {error:#}", name(node))));
        }
        failed
    }

    /// Says whether a node runs, or stands still.
    pub fn is_running(&self, node: NodeId) -> bool {
        self.processes.get(&node).is_some_and(Process::is_running)
    }

    /// Ends a node at once. Its connections break.
    pub fn kill(&mut self, node: NodeId) {
        self.processes.remove(&node);
        self.network.crash(name(node));
    }

    /// Starts a node.
    pub fn start(&mut self, node: NodeId) {
        self.kill(node);
        self.processes.extend(started(&self.cluster, node, &self.ports[&node]).map(|process| (node, process)));
        self.network.bounce(name(node));
    }

    /// Lets a node stand still until a time, if it runs; with its whole machine, if that is asleep.
    pub fn stand_still(&mut self, node: NodeId, until: Tick, asleep: bool) {
        if let Some(process) = self.processes.get_mut(&node) {
            process.stand_still(until, asleep);
        }
    }
}

/// Starts a node; none when the operating system refuses a runtime, which is recorded.
fn started(cluster: &Arc<Cluster>, id: NodeId, port: &Port) -> Option<Process> {
    let started = Process::start(node::run(cluster.clone(), id, port.open()));
    started.map_err(|error| cluster.history.note(format!("{} can't be started: {error}", name(id)))).ok()
}
