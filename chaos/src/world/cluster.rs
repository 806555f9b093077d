//! The cluster of a run: one node in each region, and a provider outside, all in their places.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use signalbox::connection::{Connection, Key};
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::time::sleep;

use super::disk::Disk;
use super::folder::{FLIGHTS, Files, GRPC, REST};
use super::network::{Network, address};
use super::node::Node;
use super::provider::start_provider;
use super::relay::Relay;
use super::shim::{Shim, ShimLibrary};

/// How long the nodes may take until they are ready for the first time.
const READY_MAX: Duration = Duration::from_secs(60);
/// How often a node is asked whether it is ready, and how long its answer may take.
const READY_LOOK: Duration = Duration::from_millis(200);
const READY_ANSWER_MAX: Duration = Duration::from_secs(2);
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
    /// Whether disks can lose power and be filled.
    pub disks: bool,
    /// What clocks are set and syncs delayed with, if they are to be.
    pub shim: Option<ShimLibrary>,
    /// Between two regions.
    pub round_trip: Duration,
    /// What the provider draws from.
    pub seed: u64,
}

/// A running cluster.
pub struct Cluster {
    pub(super) options: ClusterOptions,
    pub(super) network: Network,
    pub(super) relay: Relay,
    pub(super) nodes: Vec<Node>,
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
        let node = |place| Node::new(place, options.program.clone(), &files);
        let mut nodes: Vec<Node> = (0..options.regions.len()).map(node).collect();
        for node in &mut nodes {
            let data = files.data_path(node.place);
            if options.disks {
                node.disk = Some(Disk::make(data.with_extension("img"), data)?);
            }
            if let Some(library) = &options.shim {
                node.shim = Some(Shim::make(library.clone(), node.config.with_extension("shim"))?);
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
