//! Floor 4: the replicated logs of all groups, over openraft and gRPC. Owns openraft: its names stay in here.
//!
//! A node hosts one replica of each group that is placed on it. Proposals are merged into entries, entries are applied
//! to the group's tables, and the send lease rides along: who may send is decided here from what `traffic` says. Clock,
//! network, storage, randomness and blocking work come in from outside; all timers are tokio's, so that the simulator
//! runs the same code.
//!
//! Rooms, in the order of a proposal's way: `proposals` takes it and merges it into an entry, `raft` keeps, sends and
//! applies the entry, `lease` waits until every holder is fenced up to it. `peers` and `server` are the two ends of the
//! lines between nodes, `reads` looks at what was applied, `leadership` and `members` change who leads and who takes
//! part, and `node` holds it all together.

mod leadership;
mod lease;
mod members;
mod node;
mod peers;
mod proposals;
mod raft;
mod reads;
mod server;
mod time;

pub use leadership::balance::STABLE;
pub use leadership::candidacy::LEADERLESS_MAX;
pub use leadership::duties::DutyFactory;
pub use leadership::rules::LeadershipRules;
pub use leadership::transfer::TransferError;
pub use lease::broken::LeaseBreak;
pub use lease::group_lease::votes::CONTACT_MAX;
pub use node::background::{Background, BlockingThreads, InPlace, Work};
pub use node::config::{ReplicationConfig, ReplicationParts, StartError};
pub use node::effects::{AppliedEffects, EFFECTS_KEPT, EffectNews, EffectStream};
pub use node::fatal::NodeFault;
pub use node::purge::Housekeeping;
pub use node::replication::Replication;
pub use peers::tcp::{PeerCredentials, TcpTransport};
pub use peers::transport::{
    Incoming, InvalidPeerAddress, PeerProof, PeerStream, PeerTransport, node_name, peer_endpoint,
};
pub use proposals::batch::ENTRY_BYTES_MAX;
pub use proposals::room::{FENCED_BYTES_MAX, FENCED_LEN_MAX, QUEUE_BYTES_MAX, QUEUE_LEN_MAX};
