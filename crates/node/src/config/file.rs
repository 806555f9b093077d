//! The shape of the configuration file, as written; `checked.rs` says what is allowed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use traffic::health::HealthSettings;
use traffic::loss::RETURNS_PER_HOUR;

use super::secret::Secret;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// `[node]`
    pub node: NodeSection,
    /// `[listen]`
    pub listen: ListenSection,
    /// `[cluster]`
    pub cluster: ClusterSection,
    /// `[tls.peer]`, `[tls.listen]`
    #[serde(default)]
    pub tls: TlsSection,
    /// `[[keys]]`
    #[serde(default)]
    pub keys: Vec<KeySection>,
    /// `[providers]`
    #[serde(default)]
    pub providers: ProvidersSection,
    /// `[pace.SMS]`, `[pace.EMAIL]`, ...
    #[serde(default)]
    pub pace: BTreeMap<String, PaceSection>,
    /// `[store]`
    #[serde(default)]
    pub store: StoreSection,
    /// `[failover]`
    #[serde(default)]
    pub failover: FailoverSection,
    /// `[health]`
    #[serde(default)]
    pub health: HealthSection,
    /// `[limits]`
    #[serde(default)]
    pub limits: LimitsSection,
}

/// Who this node is.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSection {
    /// Its number, as in `cluster.nodes`; positive.
    pub id: u64,
    /// Where its two databases live; made when missing.
    pub data: PathBuf,
}

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenSection {
    /// The REST listener, with health and metrics: `host:port`.
    pub rest: String,
    /// The operators' gRPC listener: `host:port`.
    pub grpc: String,
    /// For other nodes: `host:port`.
    pub peer: String,
    /// Which of `rest`, `grpc` and `peer` speak without TLS although they are not on loopback, because something before
    /// them does.
    #[serde(default)]
    pub plain: Vec<String>,
}

/// The certificates.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// `[tls.peer]`: between nodes.
    pub peer: Option<PeerTlsSection>,
    /// `[tls.listen]`: of the REST and the gRPC listener.
    pub listen: Option<ListenTlsSection>,
}

/// What this node proves itself with to other nodes. The files are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct PeerTlsSection {
    /// The certificates of the cluster's authority: one, or two while it is rotated.
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What the listeners prove themselves with to callers. The files are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct ListenTlsSection {
    /// The certificate and those between it and its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The cluster it belongs to. All nodes must say the same but for `join`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSection {
    /// The cluster's id: 32 hexadecimal digits, drawn by `signalbox certs init`.
    pub id: String,
    /// The number of partitions; fixed when the cluster is made; 1 to 256.
    pub partitions: u16,
    /// `active_active` or `warm_standby`: the first plan's mode.
    pub mode: String,
    /// The round trip between the regions in milliseconds, from which all timeouts follow; 1 to 1,000.
    pub round_trip_ms: u64,
    /// Whether this node waits to be added to a running cluster instead of making one with the others.
    #[serde(default)]
    pub join: bool,
    /// The account number in ARNs; 12 digits.
    #[serde(default = "default_account")]
    pub account: String,
    /// The nodes.
    #[serde(default)]
    pub nodes: Vec<PeerSection>,
    /// The name of a DNS SRV record whose targets are the nodes' peer addresses; instead of `nodes`.
    pub discover: Option<String>,
    /// The DNS server to ask for `discover`: `address:port`. Without it the system's resolver is asked.
    pub dns_server: Option<String>,
}

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSection {
    /// Its number.
    pub id: u64,
    pub region: String,
    /// `serving` or `witness`.
    #[serde(default = "default_kind")]
    pub kind: String,
    /// Where other nodes reach it: `host:port`.
    pub peer: String,
    /// Where operators reach it: `host:port`.
    pub grpc: String,
    /// The base URL of its REST listener; not for a witness.
    #[serde(default)]
    pub rest_url: String,
}

/// A key that callers sign with.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeySection {
    /// The access key id.
    pub id: String,
    /// The secret access key; this or `secret_file`.
    #[serde(default)]
    pub secret: Secret,
    /// A file that holds the secret access key and nothing else. It is read again when it changes.
    pub secret_file: Option<PathBuf>,
    /// Whose it is; named in plans and logs.
    pub name: String,
    /// `everything` or `nothing`.
    #[serde(default = "default_grant")]
    pub grant: String,
}

/// The providers.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProvidersSection {
    /// The base URL of the sandbox, for every channel but CUSTOM.
    pub sandbox: Option<String>,
    /// What the sandbox signs its callbacks with: `whsec_` and the base64 of 24 to 64 bytes. One, or two while it is
    /// changed: a callback signed with either is taken.
    #[serde(default)]
    pub sandbox_secrets: Vec<Secret>,
    /// Files that hold one such secret each; with `sandbox_secrets` at most two.
    #[serde(default)]
    pub sandbox_secret_files: Vec<PathBuf>,
    /// Whether CUSTOM messages are posted to the URLs that they are addressed to.
    #[serde(default)]
    pub webhook: bool,
    /// Networks that webhooks may reach besides public addresses, such as `10.0.0.0/8`; at most 64.
    #[serde(default)]
    pub webhook_allow: Vec<String>,
}

/// How fast a channel may send from this region.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PaceSection {
    /// Messages a second; 1 to 1,000,000.
    pub per_second: u32,
    /// How many may go at once after a rest; 1 to 1,000,000.
    pub burst: u32,
}

/// The store's limits.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// The block cache of both databases, in MiB.
    pub cache_mib: u64,
    /// The write buffers of both databases, in MiB.
    pub write_buffer_mib: u64,
}

impl Default for StoreSection {
    fn default() -> StoreSection {
        StoreSection { cache_mib: 64, write_buffer_mib: 64 }
    }
}

/// What the cluster may do without a person.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct FailoverSection {
    /// Whether a lost region is evacuated at all.
    pub automatic: bool,
    /// The smallest number of regions that must stay active.
    pub regions_min: u32,
    /// The largest number of automatic changes in an hour that give one region its traffic back. Evacuating a lost region
    /// isn't limited.
    pub changes_per_hour_max: u32,
    /// How a region that was lost comes back: `manual`: a person restores it; `automatic`: by itself, in steps.
    pub failback: String,
    /// For how many seconds it must have been well before it comes back by itself.
    pub failback_after_s: u64,
    /// How many seconds it keeps 5 %, and then 25 %, of what it had.
    pub failback_step_s: u64,
}

impl Default for FailoverSection {
    fn default() -> FailoverSection {
        FailoverSection {
            automatic: true,
            regions_min: 1,
            changes_per_hour_max: RETURNS_PER_HOUR,
            failback: "manual".to_owned(),
            failback_after_s: 300,
            failback_step_s: 60,
        }
    }
}

/// What follows when a region sends badly (docs/design/health.md). All nodes should say the same.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthSection {
    /// `act`: traffic moves; `observe`: findings are told and nothing moves; `off`: nothing is judged.
    pub mode: String,
    /// How sure it must be that a region is ill, in nats; 4 to 100.
    pub threshold: f64,
    /// For how many seconds traffic stays away at least; 1 to 3,600. Doubled for each time in the last six hours, up to
    /// an hour.
    pub hold_s: u64,
    /// The shares of its traffic that a region gets back, one after the other: rising, the last is 1.
    pub ramp: Vec<f64>,
}

impl Default for HealthSection {
    fn default() -> HealthSection {
        let HealthSettings { threshold, hold, ramp, .. } = HealthSettings::default();
        HealthSection { mode: "act".to_owned(), threshold, hold_s: hold, ramp }
    }
}

/// What callers may use of this node.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// How many requests a second a key may make in the long run, at both listeners together; 1 to 1,000,000.
    pub requests_per_second: u32,
    /// How many it may make at once after a rest; 1 to 1,000,000.
    pub requests_burst: u32,
    /// The largest sum of all requests in memory, in MiB; 32 to 65,536.
    pub requests_mib: u64,
}

impl Default for LimitsSection {
    fn default() -> LimitsSection {
        LimitsSection { requests_per_second: 10_000, requests_burst: 20_000, requests_mib: 256 }
    }
}

fn default_account() -> String {
    "000000000000".to_owned()
}

fn default_kind() -> String {
    "serving".to_owned()
}

fn default_grant() -> String {
    "everything".to_owned()
}
