//! The cluster of a run: one node in each region, and a provider outside, all in their places.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sandbox::{DEVELOPMENT_SECRET, SandboxConfig};
use signalbox::connection::{Connection, Key};

use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::time::sleep;

use super::clock::{Clock, ClockLibrary};
use super::disk::Disk;
use super::folder::{FLIGHTS, Files, GRPC, REST, SANDBOX};
use super::network::{Network, address};
use super::node::Node;
use super::relay::Relay;

/// How long the nodes may take until they are ready for the first time.
const READY_MAX: Duration = Duration::from_secs(60);
/// How often a node is asked whether it is ready, and how long its answer may take.
const READY_LOOK: Duration = Duration::from_millis(200);
const READY_ANSWER_MAX: Duration = Duration::from_secs(2);
/// What the provider keeps: everything that a long run sends.
const RETAIN_MESSAGES: usize = 5_000_000;
const RETAIN_BYTES: usize = 2 << 30;

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The program `signalbox` that is tried.
    pub program: PathBuf,
    /// Where certificates, configurations, data and logs go; must be empty.
    pub folder: PathBuf,
    /// The names of the regions, by place.
    pub regions: Vec<&'static str>,
    /// The place of the witness, if there is one.
    pub witness: Option<usize>,
    /// `active_active` or `warm_standby`.
    pub mode: &'static str,
    pub partitions: u16,
    /// Whether disks can lose power.
    pub disks: bool,
    /// What clocks are set with, if they are to be set.
    pub clocks: Option<ClockLibrary>,
    /// Between two regions.
    pub round_trip: Duration,
    /// What the provider draws from.
    pub seed: u64,
}

/// A running cluster.
pub struct Cluster {
    options: ClusterOptions,
    network: Network,
    relay: Relay,
    nodes: Vec<Node>,
    /// What sends stamps from each region; killed with this.
    flights: Vec<Child>,
    client: reqwest::Client,
}

impl Cluster {
    /// Starts the provider and the nodes, and waits until all are ready. This thread is outside already.
    ///
    /// # Errors
    /// When a file can't be written, a process can't be started, or a node isn't ready in time.
    pub async fn start(network: Network, relay: Relay, options: ClusterOptions) -> anyhow::Result<Cluster> {
        let files = Files {
            folder: &options.folder,
            program: &options.program,
            regions: &options.regions,
            witness: options.witness,
            mode: options.mode,
            partitions: options.partitions,
            round_trip_ms: u64::try_from(options.round_trip.as_millis()).unwrap_or(u64::MAX),
        };
        files.write()?;
        let program = || options.program.clone();
        let node = |place| Node::new(place, program(), files.config_path(place), files.log_path(place));
        let mut nodes: Vec<Node> = (0..options.regions.len()).map(node).collect();
        for node in &mut nodes {
            let data = files.data_path(node.place);
            if options.disks {
                node.disk = Some(Disk::make(data.with_extension("img"), data)?);
            }
            if let Some(library) = &options.clocks {
                node.clock = Some(Clock::make(library.clone(), node.config.with_extension("clock"))?);
            }
        }
        start_provider(&options).await?;
        for node in &mut nodes {
            node.start(&network)?;
        }
        let client = reqwest::Client::builder().timeout(READY_ANSWER_MAX).build().context("no HTTP client")?;
        let mut cluster = Cluster { options, network, relay, nodes, flights: Vec::new(), client };
        for place in 0..cluster.nodes.len() {
            cluster.wait_until_ready(place, READY_MAX).await?;
        }
        Ok(cluster)
    }

    /// Lets each region send stamps; returns where they come in.
    ///
    /// # Errors
    /// When a port is taken or a process can't be started.
    pub async fn measure_flights(&mut self) -> anyhow::Result<TcpListener> {
        let to = format!("{}:{FLIGHTS}", address(self.options.regions.len()));
        let listener = TcpListener::bind(&to).await.context("failed to listen for stamps")?;
        let program = std::env::current_exe().context("failed to find this program's own file")?;
        for place in 0..self.options.regions.len() {
            let mut command = self.network.command(place, &program);
            command.args(["flight", &to]).stdin(Stdio::null()).kill_on_drop(true);
            self.flights.push(command.spawn().context("failed to send stamps from a region")?);
        }
        Ok(listener)
    }

    /// Returns what it is made of.
    pub fn options(&self) -> &ClusterOptions {
        &self.options
    }

    /// Returns the places whose listeners take callers' requests.
    pub fn listeners(&self) -> impl Iterator<Item = usize> + use<> {
        let witness = self.options.witness;
        (0..self.options.regions.len()).filter(move |place| Some(*place) != witness)
    }

    /// Connects to the gRPC listener of a place.
    ///
    /// # Errors
    /// When it isn't reached in `timeout`.
    pub async fn connect(&self, place: usize, timeout: Duration) -> anyhow::Result<Connection> {
        let listener = format!("http://{}:{GRPC}", address(place)).parse().context("a listener's address")?;
        Ok(Connection::open(&[listener], None, Key::development(), timeout).await?)
    }

    /// Returns the address of a place's REST listener, with its port.
    pub fn rest(&self, place: usize) -> String {
        format!("{}:{REST}", address(place))
    }

    /// Returns where a node says whether it is ready.
    pub fn readyz(&self, place: usize) -> String {
        format!("http://{}/readyz", self.rest(place))
    }

    /// Says whether a node answers that it is ready.
    pub async fn is_ready(&self, place: usize) -> bool {
        self.client.get(self.readyz(place)).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Waits until a node answers that it is ready.
    ///
    /// # Errors
    /// When it doesn't in time, or ended by itself.
    pub async fn wait_until_ready(&mut self, place: usize, at_most: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        while !self.is_ready(place).await {
            let log = self.nodes[place].log.display().to_string();
            if let Some(status) = self.nodes[place].ended() {
                bail!("{} ended by itself ({status}); see {log}", self.options.regions[place]);
            }
            if began.elapsed() > at_most {
                bail!("{} was not ready after {at_most:?}; see {log}", self.options.regions[place]);
            }
            sleep(READY_LOOK).await;
        }
        Ok(())
    }

    /// Returns everything that the provider took, as its lines of JSON.
    ///
    /// # Errors
    /// When the provider doesn't answer.
    pub async fn taken(&self) -> anyhow::Result<String> {
        let url = format!("http://{}:{SANDBOX}/outbox", address(self.options.regions.len()));
        let client = reqwest::Client::new();
        let answer = client.get(url).send().await.context("failed to ask the provider")?;
        answer.text().await.context("failed to read what the provider took")
    }

    /// Kills a node as `kill -9` does.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].kill().await
    }

    /// Starts a node again on its data.
    ///
    /// # Errors
    /// When the process can't be started.
    pub fn start_again(&mut self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].start(&self.network)
    }

    /// Stops a node in order, and lets it run another program from its next start on.
    ///
    /// # Errors
    /// When it doesn't end in time.
    pub async fn replace(&mut self, place: usize, program: &std::path::Path) -> anyhow::Result<()> {
        self.nodes[place].stop().await?;
        self.nodes[place].program = program.to_path_buf();
        Ok(())
    }

    /// Waits until a node has ended by itself; returns how, and the last line that it said.
    ///
    /// # Errors
    /// When it still runs after `at_most`, or its log can't be read.
    pub async fn wait_ended(&mut self, place: usize, at_most: Duration) -> anyhow::Result<String> {
        let status = self.nodes[place].wait_ended(at_most).await?;
        let log = &self.nodes[place].log;
        let said = std::fs::read_to_string(log).with_context(|| format!("failed to read {}", log.display()))?;
        Ok(format!("{status}: {}", said.lines().last().unwrap_or_default()))
    }

    /// Cuts the power of a region: its disk keeps what was synced, and its node is gone.
    ///
    /// # Errors
    /// When its disk can't lose power or the system refuses.
    pub async fn cut_power(&mut self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].disk.as_ref().context("disks can't lose power in this run")?.cut_power()?;
        self.nodes[place].kill().await?;
        self.nodes[place].disk.as_mut().context("the disk is gone")?.mount_again()
    }

    /// Sets a node's wall clock this many seconds off.
    ///
    /// # Errors
    /// When clocks can't be set in this run, or a file can't be written.
    pub fn set_clock(&self, place: usize, seconds: i64) -> anyhow::Result<()> {
        self.nodes[place].clock.as_ref().context("clocks can't be set in this run")?.set(seconds)
    }

    /// Stops a node where it is.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].pause()
    }

    /// Lets a node go on that was stopped where it was.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn go_on(&self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].go_on()
    }

    /// Cuts a region off from all others, or mends that; the outside reaches it all the time.
    pub fn isolate(&self, place: usize, cut: bool) {
        for other in (0..self.options.regions.len()).filter(|other| *other != place) {
            self.cut_line(place, other, cut);
        }
    }

    /// Cuts the line between two regions in both directions, or mends it.
    pub fn cut_line(&self, one: usize, other: usize, cut: bool) {
        self.relay.cut(one, other, cut);
        self.relay.cut(other, one, cut);
    }

    /// Cuts the line from one region to another in this direction, or mends it.
    pub fn cut_one_way(&self, from: usize, to: usize, cut: bool) {
        self.relay.cut(from, to, cut);
    }

    /// Kills all nodes.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            node.kill().await?;
        }
        Ok(())
    }
}

/// Starts the provider, outside and in this process: it lives as long as the run.
async fn start_provider(options: &ClusterOptions) -> anyhow::Result<()> {
    let outside = address(options.regions.len());
    let callbacks = (0..options.regions.len()).filter(|place| Some(*place) != options.witness);
    let config = SandboxConfig {
        listen: format!("{outside}:{SANDBOX}").parse().context("the provider's address")?,
        callbacks: callbacks.map(|place| format!("http://{}:{REST}", address(place))).collect(),
        secret: DEVELOPMENT_SECRET.to_owned(),
        retain_messages: RETAIN_MESSAGES,
        retain_bytes: RETAIN_BYTES,
        seed: options.seed,
        ..SandboxConfig::default()
    };
    let provider = sandbox::bind(config).await.context("failed to start the provider")?;
    tokio::spawn(provider.serve(std::future::pending()));
    Ok(())
}
