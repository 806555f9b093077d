//! Floor 4: the replicated logs of all groups, over openraft and gRPC. Owns openraft: its names stay in here.
//!
//! A node hosts one replica of each group that is placed on it. Proposals are merged into entries, entries are applied
//! to the group's tables, and the send lease rides along: who may send is decided here from what `traffic` says. Clock,
//! network, storage, randomness and blocking work come in from outside; all timers are tokio's, so that the simulator
//! runs the same code.
//!
//! The rooms, in the order of a proposal's way: [`log`](service::ports::ReplicatedLog) takes it, `proposer` merges it,
//! `write` or `forward` hands it on, `network` and `peer_server` carry it, `log_storage` keeps it, `state_machine`
//! applies it, `fence` waits for the holders of leases.

pub mod transport;

mod codec;
mod type_config;

mod append_stream;
mod beat;
mod heartbeats;
mod network;
mod pace;
mod peer_server;
mod peers;

mod group;
mod hashes;
mod log_storage;
mod snapshot;
mod state_machine;

mod attempts;
mod fence;
mod forward;
mod leader_hint;
mod log;
mod propose_calls;
mod proposer;
mod read_calls;
mod reads;
mod remote_reads;
mod write;

mod clock;
mod critical_section;
mod last_seen;
mod lease;
mod lease_calls;
mod lease_loop;
mod leave;
mod permits;
mod pushes;
mod tenure;

mod background;
mod balance;
mod cluster;
mod duties;
mod effects;
mod fatal;
mod membership;
mod purge;
mod takeover;
mod transfer;

mod node;
mod rejoin;
mod replication;
mod start;

pub use background::{Background, BlockingThreads, InPlace, Work};
pub use balance::STABLE;
pub use duties::DutyFactory;
pub use effects::{AppliedEffects, EFFECTS_KEPT, EffectNews, EffectStream};
pub use last_seen::PeerNews;
pub use proposer::{ENTRY_BYTES_MAX, QUEUE_BYTES_MAX, QUEUE_LEN_MAX};
pub use purge::Housekeeping;
pub use replication::Replication;
pub use start::{ReplicationConfig, ReplicationParts, StartError};
pub use transfer::TransferError;
pub use transport::{Incoming, InvalidPeerAddress, PeerStream, PeerTransport, TcpTransport};
