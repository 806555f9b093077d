//! The configuration after it was checked: what the wiring takes. Every refusal names the key.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use model::channel::Channel;
use model::cluster::{NodeConflict, NodeInfo, Nodes, RegionKind, check_against};
use model::id::{ClusterId, NodeId, RegionId};
use model::location::HostPort;
use model::plan::Mode;
use monitor::HealthMode;
use traffic::health::HealthSettings;
use traffic::timing::LeaseTiming;

use super::error::{ConfigError, within};
use super::file::{
    ClusterSection, ConfigFile, FailoverSection, HealthSection, KeySection, LimitsSection, ListenTlsSection,
    PaceSection, PeerSection, PeerTlsSection, StoreSection, TlsSection,
};
use super::providers::{self, Providers};
use super::secret::{self, Secret};
use crate::assemble::HealthPolicy;

/// The largest number of partitions.
pub const PARTITIONS_MAX: u16 = 256;

/// A checked configuration.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Config {
    /// The cluster's id.
    pub cluster: ClusterId,
    /// This node's number.
    pub node: NodeId,
    /// Where its databases live.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: Listen,
    /// The number of partitions.
    pub partitions: u16,
    /// The first plan's mode.
    pub mode: Mode,
    /// All waits of the consensus and the leases.
    pub timing: LeaseTiming,
    /// Whether it waits to be added to a running cluster.
    pub join: bool,
    /// The account number in ARNs.
    pub account: String,
    /// How the other nodes are found.
    pub discovery: Discovery,
    /// What this node proves itself with to other nodes; without it they are believed.
    pub peer_tls: Option<PeerTlsSection>,
    /// What the listeners prove themselves with to callers; without it they speak in plain text.
    pub listen_tls: Option<ListenTlsSection>,
    /// The keys that callers sign with.
    pub keys: Vec<Key>,
    pub providers: Providers,
    /// How fast channels send from this region; a channel that is missing is not paced.
    pub pace: BTreeMap<Channel, Pace>,
    /// The store's limits.
    pub store: StoreSection,
    /// What the cluster may do without a person.
    pub failover: FailoverSection,
    /// What follows when a region sends badly.
    pub health: HealthPolicy,
    /// What callers may use of this node.
    pub limits: LimitsSection,
}

/// Where a node listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The REST listener.
    pub rest: SocketAddr,
    /// The operators' gRPC listener.
    pub grpc: SocketAddr,
    /// For other nodes.
    pub peer: SocketAddr,
}

/// How the other nodes are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// They are written down.
    Listed(Nodes),
    /// They are the targets of a DNS SRV record, as the system's resolver knows it.
    Service(String),
    /// They are the targets of a DNS SRV record at this DNS server.
    ServiceAt(String, SocketAddr),
}

/// A key that callers sign with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Key {
    /// The access key id.
    pub id: String,
    pub secret: Secret,
    /// Whose it is.
    pub name: String,
    /// Whether it may do everything; otherwise it may do nothing.
    pub everything: bool,
}

/// How fast a channel may send from this region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Messages a second.
    pub per_second: u32,
    /// How many may go at once after a rest.
    pub burst: u32,
}

/// Checks a configuration as written.
pub(super) fn check(file: ConfigFile) -> Result<Config, ConfigError> {
    let node = node_id("node.id", file.node.id)?;
    let listen = Listen {
        rest: socket("listen.rest", &file.listen.rest)?,
        grpc: socket("listen.grpc", &file.listen.grpc)?,
        peer: socket("listen.peer", &file.listen.peer)?,
    };
    listen_apart(&listen)?;
    protected(&listen, &file.listen.plain, &file.tls)?;
    let discovery = discovery(node, &file.cluster)?;
    Ok(Config {
        cluster: cluster_id(&file.cluster.id)?,
        node,
        data: file.node.data,
        listen,
        partitions: within("cluster.partitions", file.cluster.partitions, 1, PARTITIONS_MAX)?,
        mode: mode(&file.cluster.mode)?,
        timing: timing(file.cluster.round_trip_ms)?,
        join: file.cluster.join,
        account: account(file.cluster.account)?,
        discovery,
        peer_tls: file.tls.peer,
        listen_tls: file.tls.listen,
        keys: keys(file.keys)?,
        providers: providers::check(file.providers)?,
        pace: pace(file.pace)?,
        store: store(file.store)?,
        failover: failover(file.failover)?,
        health: health(file.health)?,
        limits: limits(file.limits)?,
    })
}

fn node_id(key: &str, number: u64) -> Result<NodeId, ConfigError> {
    if number == 0 { Err(ConfigError::key(key, "must be positive")) } else { Ok(NodeId(number)) }
}

fn cluster_id(text: &str) -> Result<ClusterId, ConfigError> {
    text.parse().map_err(|_| {
        let form = "must be 32 hexadecimal digits, the same on all nodes: `signalbox certs init` draws one";
        ConfigError::key("cluster.id", format!("{form}, found {text:?}"))
    })
}

fn socket(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        ConfigError::key(key, format!("must be an address and port such as 127.0.0.1:4101, found {text:?}"))
    })
}

/// Refuses two listeners at one address. Port 0 takes a free one each time.
fn listen_apart(listen: &Listen) -> Result<(), ConfigError> {
    let all = [("listen.rest", listen.rest), ("listen.grpc", listen.grpc), ("listen.peer", listen.peer)];
    for (place, (key, address)) in all.iter().enumerate() {
        let meets = |other: &SocketAddr| {
            let same_host = other.ip() == address.ip() || other.ip().is_unspecified() || address.ip().is_unspecified();
            other.port() == address.port() && same_host && address.port() != 0
        };
        if let Some((other, _)) = all[..place].iter().find(|(_, other)| meets(other)) {
            return Err(ConfigError::key(*key, format!("is the address of {other} already")));
        }
    }
    Ok(())
}

/// Refuses plain text beyond this machine, unless it is asked for.
fn protected(listen: &Listen, plain: &[String], tls: &TlsSection) -> Result<(), ConfigError> {
    let all = [
        ("rest", listen.rest, "tls.listen", tls.listen.is_some()),
        ("grpc", listen.grpc, "tls.listen", tls.listen.is_some()),
        ("peer", listen.peer, "tls.peer", tls.peer.is_some()),
    ];
    if let Some(unknown) = plain.iter().find(|name| all.iter().all(|(known, ..)| known != name)) {
        return Err(ConfigError::key("listen.plain", format!("may name rest, grpc and peer, found {unknown:?}")));
    }
    for (name, address, section, has_tls) in all {
        let asked = plain.iter().any(|plain| plain == name);
        if asked && has_tls {
            return Err(ConfigError::key("listen.plain", format!("names {name}, which has certificates in {section}")));
        }
        if !asked && !has_tls && !address.ip().is_loopback() {
            let reason = format!(
                "{address} is not on loopback: give certificates in {section}, or name {name:?} in listen.plain if \
                 something before it speaks TLS or nobody else reaches it"
            );
            return Err(ConfigError::key(format!("listen.{name}"), reason));
        }
    }
    Ok(())
}

fn mode(text: &str) -> Result<Mode, ConfigError> {
    [Mode::ActiveActive, Mode::WarmStandby].into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| {
        ConfigError::key("cluster.mode", format!("must be active_active or warm_standby, found {text:?}"))
    })
}

fn timing(round_trip_ms: u64) -> Result<LeaseTiming, ConfigError> {
    let key = "cluster.round_trip_ms";
    let round_trip = Duration::from_millis(within(key, round_trip_ms, 1, 1_000)?);
    LeaseTiming::for_round_trip(round_trip).map_err(|error| ConfigError::key(key, error.to_string()))
}

fn account(text: String) -> Result<String, ConfigError> {
    let well_formed = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed { Ok(text) } else { Err(ConfigError::key("cluster.account", "must have 12 digits")) }
}

fn discovery(node: NodeId, cluster: &ClusterSection) -> Result<Discovery, ConfigError> {
    match (&cluster.discover, cluster.nodes.is_empty()) {
        (Some(name), true) => match &cluster.dns_server {
            Some(server) => Ok(Discovery::ServiceAt(name.clone(), socket("cluster.dns_server", server)?)),
            None => Ok(Discovery::Service(name.clone())),
        },
        (None, false) if cluster.dns_server.is_some() => {
            Err(ConfigError::key("cluster.dns_server", "is for cluster.discover alone, which isn't given"))
        }
        (Some(_), false) => Err(ConfigError::key("cluster.discover", "can't be given together with cluster.nodes")),
        (None, true) => Err(ConfigError::key("cluster.nodes", "must list the nodes, unless cluster.discover is given")),
        (None, false) => listed(node, &cluster.nodes).map(Discovery::Listed),
    }
}

fn listed(node: NodeId, sections: &[PeerSection]) -> Result<Nodes, ConfigError> {
    let mut nodes = Nodes::new();
    for (place, section) in sections.iter().enumerate() {
        let key = |member: &str| format!("cluster.nodes[{place}].{member}");
        let id = node_id(&key("id"), section.id)?;
        let region =
            RegionId::new(&section.region).map_err(|error| ConfigError::key(key("region"), error.to_string()))?;
        let kind = [RegionKind::Serving, RegionKind::Witness]
            .into_iter()
            .find(|kind| kind.as_str() == section.kind)
            .ok_or_else(|| ConfigError::key(key("kind"), "must be serving or witness"))?;
        if kind == RegionKind::Serving && section.rest_url.is_empty() {
            return Err(ConfigError::key(key("rest_url"), "must be the base URL of the node's REST listener"));
        }
        let info = NodeInfo {
            id,
            region,
            kind,
            peer: host_and_port(&key("peer"), &section.peer)?,
            grpc: host_and_port(&key("grpc"), &section.grpc)?,
            rest_url: section.rest_url.trim_end_matches('/').to_owned(),
        };
        if nodes.insert(id, info).is_some() {
            return Err(ConfigError::key(key("id"), format!("node {id} is listed twice")));
        }
    }
    check_nodes("cluster.nodes", node, &nodes)?;
    Ok(nodes)
}

/// Checks the nodes of a cluster, wherever `key` says that they come from.
///
/// # Errors
/// When this node is not among them, or its regions can't make a cluster.
pub fn check_nodes(key: &str, node: NodeId, nodes: &Nodes) -> Result<(), ConfigError> {
    if !nodes.contains_key(&node) {
        return Err(ConfigError::key(key, format!("must list this node, {node}")));
    }
    for info in nodes.values() {
        let conflict = |conflict: NodeConflict| ConfigError::key(key, format!("node {}: {conflict}", info.id));
        check_against(nodes, info).map_err(conflict)?;
    }
    let regions: BTreeSet<&RegionId> = nodes.values().map(|node| &node.region).collect();
    if !nodes.values().any(|node| node.kind == RegionKind::Serving) {
        return Err(ConfigError::key(key, "at least one region must be serving"));
    }
    if regions.len() == 2 {
        return Err(ConfigError::key(
            key,
            "two regions can't outvote each other safely: add a third region, which may be a witness",
        ));
    }
    Ok(())
}

fn host_and_port(key: &str, text: &str) -> Result<String, ConfigError> {
    let place: Result<HostPort, _> = text.parse();
    place.map(|place| place.to_string()).map_err(|error| ConfigError::key(key, format!("{error}, found {text:?}")))
}

fn keys(sections: Vec<KeySection>) -> Result<Vec<Key>, ConfigError> {
    let mut seen = BTreeSet::new();
    let mut keys = Vec::new();
    for (place, section) in sections.into_iter().enumerate() {
        let key = |member: &str| format!("keys[{place}].{member}");
        if section.id.is_empty() || !seen.insert(section.id.clone()) {
            return Err(ConfigError::key(key("id"), "must be given, and once only"));
        }
        let secret = match (section.secret.is_empty(), &section.secret_file) {
            (false, None) => section.secret,
            (true, Some(path)) => {
                secret::read_file(path).map_err(|error| ConfigError::key(key("secret_file"), error.to_string()))?
            }
            (true, None) => return Err(ConfigError::key(key("secret"), "must be given, or a secret_file")),
            (false, Some(_)) => {
                return Err(ConfigError::key(key("secret"), "can't be given together with secret_file"));
            }
        };
        let everything = match section.grant.as_str() {
            "everything" => true,
            "nothing" => false,
            other => {
                return Err(ConfigError::key(key("grant"), format!("must be everything or nothing, found {other:?}")));
            }
        };
        keys.push(Key { id: section.id, secret, name: section.name, everything });
    }
    Ok(keys)
}

fn pace(sections: BTreeMap<String, PaceSection>) -> Result<BTreeMap<Channel, Pace>, ConfigError> {
    const MAX: u32 = 1_000_000;
    let mut paces = BTreeMap::new();
    for (name, section) in sections {
        let key = format!("pace.{name}");
        let channel: Channel =
            name.parse().map_err(|_| ConfigError::key(key.clone(), "must be named after a channel such as SMS"))?;
        let per_second = within(&format!("{key}.per_second"), section.per_second, 1, MAX)?;
        let burst = within(&format!("{key}.burst"), section.burst, 1, MAX)?;
        paces.insert(channel, Pace { per_second, burst });
    }
    Ok(paces)
}

fn store(section: StoreSection) -> Result<StoreSection, ConfigError> {
    within("store.cache_mib", section.cache_mib, 8, 1_048_576)?;
    within("store.write_buffer_mib", section.write_buffer_mib, 8, 1_048_576)?;
    Ok(section)
}

fn limits(section: LimitsSection) -> Result<LimitsSection, ConfigError> {
    within("limits.requests_per_second", section.requests_per_second, 1, 1_000_000)?;
    within("limits.requests_burst", section.requests_burst, 1, 1_000_000)?;
    within("limits.requests_mib", section.requests_mib, 32, 65_536)?;
    Ok(section)
}

fn health(section: HealthSection) -> Result<HealthPolicy, ConfigError> {
    let HealthSection { mode, threshold, hold_s, ramp } = section;
    let mode = HealthMode::named(&mode)
        .ok_or_else(|| ConfigError::key("health.mode", format!("must be act, observe or off, found {mode:?}")))?;
    let hold = within("health.hold_s", hold_s, 1, 3_600)?;
    let settings = HealthSettings { threshold, hold, ramp, ..HealthSettings::default() };
    settings.check().map_err(|error| {
        let found = if error.name == "ramp" { format!("{:?}", settings.ramp) } else { error.is.to_string() };
        ConfigError::key(format!("health.{}", error.name), format!("must be {}, found {found}", error.must))
    })?;
    Ok(HealthPolicy { mode, settings })
}

fn failover(section: FailoverSection) -> Result<FailoverSection, ConfigError> {
    within("failover.regions_min", section.regions_min, 1, 64)?;
    within("failover.changes_per_hour_max", section.changes_per_hour_max, 1, 1_000)?;
    within("failover.failback_after_s", section.failback_after_s, 1, 86_400)?;
    within("failover.failback_step_s", section.failback_step_s, 1, 3_600)?;
    if !["manual", "automatic"].contains(&section.failback.as_str()) {
        let found = &section.failback;
        return Err(ConfigError::key("failover.failback", format!("must be manual or automatic, found {found:?}")));
    }
    Ok(section)
}
