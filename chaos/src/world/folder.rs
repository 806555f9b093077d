//! The files of a run's cluster: certificates, configurations, data and logs.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use sandbox::DEVELOPMENT_SECRET;
use signalbox::dev::{KEY_ID, SECRET};

use super::network::address;

/// The ports of every node's listeners, and the provider's.
pub(super) const REST: u16 = 4101;
pub(super) const GRPC: u16 = 4201;
const PEER: u16 = 4401;
pub(super) const SANDBOX: u16 = 4300;
/// Where it is measured how long something is on its way to the provider.
pub(super) const FLIGHTS: u16 = 4310;

/// What the configurations say.
pub(super) struct Files<'a> {
    pub folder: &'a Path,
    pub program: &'a Path,
    /// The names of the regions, by place.
    pub regions: &'a [&'a str],
    /// The place of the witness, if there is one.
    pub witness: Option<usize>,
    pub mode: &'a str,
    pub partitions: u16,
    pub round_trip_ms: u64,
}

impl Files<'_> {
    /// Makes the authority, the certificates and the configurations, as an operator would.
    ///
    /// # Errors
    /// When the program refuses or a file can't be written.
    pub fn write(&self) -> anyhow::Result<()> {
        let said = self.certs(&["init", "--dir", "tls"])?;
        let cluster = said.split("id = \"").nth(1).and_then(|rest| rest.split('"').next());
        let cluster = cluster.context("`signalbox certs init` named no cluster id")?;
        for (place, region) in self.regions.iter().enumerate() {
            let (node, host) = ((place + 1).to_string(), address(place));
            self.certs(&["issue", "--dir", "tls", "--node", &node, "--region", region, "--host", &host])?;
            let text = self.config(place, cluster);
            self.write_config(place, &text).with_context(|| format!("failed to write {}'s configuration", region))?;
        }
        Ok(())
    }

    pub fn config_path(&self, place: usize) -> PathBuf {
        self.folder.join(format!("{}.toml", self.regions[place]))
    }

    /// Returns the folder that a region's disk is mounted at.
    pub fn data_path(&self, place: usize) -> PathBuf {
        self.folder.join("data").join(self.regions[place])
    }

    /// Returns the folder of all that a node stores.
    pub fn stored_path(&self, place: usize) -> PathBuf {
        self.data_path(place).join("node")
    }

    pub fn log_path(&self, place: usize) -> PathBuf {
        self.folder.join(format!("{}.log", self.regions[place]))
    }

    /// Writes a configuration so that its owner alone may read it: it holds a key.
    fn write_config(&self, place: usize, text: &str) -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.config_path(place))?;
        file.write_all(text.as_bytes())
    }

    fn certs(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let done = Command::new(self.program).arg("certs").args(arguments).current_dir(self.folder).output();
        let done = done.with_context(|| format!("failed to run {}", self.program.display()))?;
        if !done.status.success() {
            bail!("signalbox certs {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    fn config(&self, place: usize, cluster: &str) -> String {
        let (node, tls) = (place + 1, self.folder.join("tls"));
        let listen = |port: u16| format!("{}:{port}", address(place));
        let data = self.stored_path(place);
        let mut text = format!(
            "[node]\nid = {node}\ndata = {data:?}\n\n\
             [listen]\nrest = {rest:?}\ngrpc = {grpc:?}\npeer = {peer:?}\nplain = [\"rest\", \"grpc\"]\n\n\
             [tls.peer]\nca = {ca:?}\ncertificate = {certificate:?}\nkey = {key:?}\n\n\
             [[keys]]\nid = {KEY_ID:?}\nsecret = {SECRET:?}\nname = \"chaos\"\n\n\
             [providers]\nsandbox = \"http://{sandbox}:{SANDBOX}\"\nsandbox_secrets = [{DEVELOPMENT_SECRET:?}]\n\n\
             [failover]\nchanges_per_hour_max = 1000\n\n\
             [cluster]\nid = {cluster:?}\npartitions = {partitions}\nmode = {mode:?}\nround_trip_ms = {round_trip}\n",
            rest = listen(REST),
            grpc = listen(GRPC),
            peer = listen(PEER),
            ca = tls.join("ca.pem"),
            certificate = tls.join(format!("node-{node}.pem")),
            key = tls.join(format!("node-{node}-key.pem")),
            sandbox = address(self.regions.len()),
            partitions = self.partitions,
            mode = self.mode,
            round_trip = self.round_trip_ms,
        );
        for (other, region) in self.regions.iter().enumerate() {
            let kind = if self.witness == Some(other) { "kind = \"witness\"\n" } else { "" };
            let rest = if self.witness == Some(other) {
                String::new()
            } else {
                format!("rest_url = \"http://{}:{REST}\"\n", address(other))
            };
            text.push_str(&format!(
                "\n[[cluster.nodes]]\nid = {}\nregion = {region:?}\npeer = \"{host}:{PEER}\"\n\
                 grpc = \"{host}:{GRPC}\"\n{kind}{rest}",
                other + 1,
                host = address(other),
            ));
        }
        text
    }
}
