//! One run: set up, let things go wrong, heal everything, require that all comes to rest, check.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::address::mix;
use model::id::NodeId;
use replication::Replication;
use service::ports::ClusterControl as _;

use super::builds::SETTLED_MS;
use super::checks::evidence::Evidence;
use super::checks::{Violation, check};
use super::cluster::Cluster;
use super::faults::Tick;
use super::history::{Records, now};
use super::layout::name;
use super::machines::Machines;
use super::nemesis::Nemesis;
use super::replica::{self, Replicas};
use super::schedule::schedule;
use super::settings::Settings;
use super::steps::{self, Steps};
use super::{clients, determinism, probe, rest, watch};

/// How long the cluster may take to be made.
const SET_UP_MAX: Duration = Duration::from_secs(30);
/// How long after everything was healed all must have come to rest. Retries of the provider's refusals are the longest.
const REST_MAX: Duration = Duration::from_secs(120);
/// How often that is looked at.
const LOOK_MS: Tick = 100;
/// How often it is looked at who could dispatch.
const PROBE_EVERY_MS: Tick = 3;

/// What a run came to.
pub struct Report {
    /// What it was made from.
    pub settings: Settings,
    /// What happened.
    pub records: Records,
    /// How much simulated time it took.
    pub took: Duration,
    /// What the promises do not allow.
    pub violations: Vec<Violation>,
}

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Runs one simulation. To be called once in a process, which does nothing else: it takes over the process' clocks and
/// its randomness.
///
/// # Panics
/// When the operating system gives no thread, or the run itself panics.
pub fn run(settings: Settings) -> Report {
    note_panics();
    determinism::arm(settings.seed);
    // On a thread of its own: what earlier code of this one drew for its hash maps is not of the seed.
    let ran = std::thread::scope(|scope| scope.spawn(|| run_here(settings)).join());
    determinism::disarm();
    ran.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn run_here(settings: Settings) -> Report {
    let cluster = Arc::new(Cluster::new(settings));
    let mut run = Run { machines: Machines::new(&cluster), cluster: cluster.clone(), steps: Steps::default() };
    let unsettled = run.go();
    let took = run.machines.network.elapsed();
    let replicas = run.replicas();
    run.note_end(&replicas);
    let records = cluster.history.snapshot();
    let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let evidence = Evidence {
        settings: &settings,
        records: &records,
        replicas: &replicas,
        unsettled: &unsettled,
        panics: &panics,
        builds: &cluster.builds.wrong(),
    };
    let violations = check(&evidence);
    drop(run);
    Report { settings, records, took, violations }
}

struct Run {
    machines: Machines,
    steps: Steps,
    cluster: Arc<Cluster>,
}

impl Run {
    /// Returns what is not as it should be at the end.
    fn go(&mut self) -> Vec<String> {
        let deadline = now() + millis(SET_UP_MAX);
        while self.cluster.app().is_none() {
            self.step();
            if now() > deadline {
                return vec!["the cluster was not made".to_owned()];
            }
        }
        let settings = self.cluster.settings;
        let from = now();
        let planned = schedule(&settings, mix(settings.seed ^ 0x6e65_6d65), from, from + settings.seconds * 1_000);
        self.cluster.builds.newer_from((from + settings.seconds * 1_000).saturating_sub(SETTLED_MS));
        let mut nemesis = Nemesis::new(self.cluster.clone(), planned);
        while now() < from + settings.seconds * 1_000 || !nemesis.is_done() {
            nemesis.step(&mut self.machines, now());
            self.step();
        }
        self.cluster.history.note("everything is healed".to_owned());
        self.cluster.provider.get_well();
        settings.nodes().for_each(|node| self.cluster.disk(node).keep_power());
        self.cluster.close();
        self.come_to_rest(nemesis)
    }

    /// Lets nothing more go wrong; what an operator removes meanwhile is still started again.
    fn come_to_rest(&mut self, mut nemesis: Nemesis) -> Vec<String> {
        let deadline = now() + millis(REST_MAX);
        loop {
            for _tick in 0..LOOK_MS {
                nemesis.step(&mut self.machines, now());
                self.step();
            }
            let unsettled = self.unsettled();
            if unsettled.is_empty() || now() > deadline {
                return unsettled;
            }
        }
    }

    fn step(&mut self) {
        determinism::set_elapsed(self.machines.network.elapsed());
        watch::look(&self.cluster, now());
        for error in self.machines.step(now()) {
            self.cluster.history.note(format!("a process ended with an error: {error}"));
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        }
        if now().is_multiple_of(PROBE_EVERY_MS) {
            self.probe();
        }
    }

    fn probe(&mut self) {
        let mut running = self.cluster.running();
        running.retain(|node, _| self.machines.is_running(*node));
        for found in probe::look(&running, &self.cluster.fenced) {
            self.cluster.history.wrong_permit(found);
        }
        self.steps.differing(&running).into_iter().for_each(|found| self.cluster.history.differs(found));
        steps::broken(&running, now()).into_iter().for_each(|found| self.cluster.history.breaks_rule(found));
    }

    fn replicas(&self) -> Replicas {
        replica::read_all(&self.members(), self.cluster.app())
    }

    /// Returns the nodes that run and are in the cluster.
    fn members(&self) -> BTreeMap<NodeId, Replication> {
        let mut running = self.cluster.running();
        running.retain(|node, _| !self.cluster.members.is_outside(*node));
        running
    }

    /// Says what has not come to rest, cheap things first.
    fn unsettled(&self) -> Vec<String> {
        let open: Vec<String> =
            clients::names(&self.cluster.settings).difference(&self.cluster.closed_clients()).cloned().collect();
        if !open.is_empty() {
            return vec![format!("clients got no answer: {}", open.join(", "))];
        }
        let running = self.cluster.running().len();
        if running < self.cluster.settings.nodes().count() {
            return vec![format!("only {running} nodes run")];
        }
        let running = self.members();
        let mut unsettled = rest::unsettled(&replica::read_all(&running, self.cluster.app()));
        for (node, replication) in running {
            let behind =
                replication.status().groups.into_iter().filter(|group| group.version < registry::APPLY_VERSION);
            unsettled.extend(behind.map(|group| format!("{}: group {} isn't raised", name(node), group.group)));
        }
        unsettled
    }

    /// Makes the trace depend on what the replicas hold and on how much randomness was drawn.
    fn note_end(&self, replicas: &Replicas) {
        for (region, replica) in replicas {
            let groups = &replica.groups;
            self.cluster.history.note(format!("{region} ends with {groups:?} {:?}", replica.accounting));
        }
        self.cluster.history.note(format!("{} draws of randomness", determinism::draws()));
    }
}

fn millis(duration: Duration) -> Tick {
    Tick::try_from(duration.as_millis()).unwrap_or(Tick::MAX)
}

/// Remembers panics, which tasks would swallow.
fn note_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
        print(panic);
    }));
}
