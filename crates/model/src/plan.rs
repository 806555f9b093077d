//! The traffic plan: which region sends what share of which channel, why, and on whose word.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::channel::Channel;
use crate::destination::Destination;
use crate::id::{AppId, Epoch, RegionId};
use crate::time::Timestamp;

/// The largest weight; weights are relative, so that 1,000 reads as per mille when a plan's weights sum to it.
pub const WEIGHT_MAX: u32 = 1_000_000;

/// Whether all serving regions share the sending or one sends and the others stay warm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Every active region sends its share.
    ActiveActive,
    /// One region sends; the standby regions carry a small steady share that keeps their identities warm.
    WarmStandby,
}

/// What the plan lets a region do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegionState {
    /// Takes its share of new messages and sends them.
    Active,
    /// Takes its warm share only; ready to become active.
    Standby,
    /// Takes no new messages; those that wait in it move to the other regions.
    Evacuated,
}

/// Relative shares of regions; a region that is missing or has 0 gets nothing.
pub type Weights = BTreeMap<RegionId, u32>;

/// A part of the traffic that may have weights of its own, beside channels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All that an app sends.
    App(AppId),
    /// All that goes to a destination on a channel.
    Destination(Channel, Destination),
}

/// What only persons may change in the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frozen {
    /// The plan.
    Everything,
    /// What a region sends.
    Region(RegionId),
    /// What health would do to a channel. A region that is lost takes it along.
    Channel(Channel),
}

/// What regions have of a part of the traffic, in per mille of what they would have; 0 to 999. Regions that are missing
/// have all of it.
pub type Shares = BTreeMap<RegionId, u32>;

/// Who committed a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Author {
    /// The cluster itself, at its making or because its health rules said so.
    Automatic,
    /// A person or program, by the name of its key.
    Principal(String),
}

/// A committed traffic plan. Its epoch is one more than its parent's; plans form one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct TrafficPlan {
    pub epoch: Epoch,
    /// The number of the plan that it replaces; one less than `epoch`.
    pub parent: Epoch,
    /// How the regions share the sending.
    pub mode: Mode,
    /// Every serving region of the cluster.
    pub regions: BTreeMap<RegionId, RegionState>,
    /// The shares of channels that `channel_weights` doesn't name.
    pub weights: Weights,
    /// The shares of single channels.
    pub channel_weights: BTreeMap<Channel, Weights>,
    /// The shares of parts that have their own; an app's come before a destination's, and these before a channel's.
    pub scopes: BTreeMap<Scope, Weights>,
    /// What single regions have of what goes to a destination because it is ill from there. It masks whatever weights
    /// count for a message.
    pub diverted: BTreeMap<(Channel, Destination), Shares>,
    /// What only persons may change.
    pub frozen: BTreeSet<Frozen>,
    /// Why the plan was made, for people; 1 to 500 characters.
    pub reason: String,
    /// What the decision rests on: names and values that an operator can check; at most 64.
    pub evidence: BTreeMap<String, String>,
    pub author: Author,
    /// When it was committed, by the control group's clock.
    pub time: Timestamp,
}

/// A change of the plan that is asked for; the group that commits it numbers it and gives it its time. Its members are
/// those of [`TrafficPlan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct PlanChange {
    /// The plan that the change was made from; refused when another one is current.
    pub parent: Epoch,
    pub mode: Mode,
    pub regions: BTreeMap<RegionId, RegionState>,
    pub weights: Weights,
    pub channel_weights: BTreeMap<Channel, Weights>,
    pub scopes: BTreeMap<Scope, Weights>,
    pub diverted: BTreeMap<(Channel, Destination), Shares>,
    pub frozen: BTreeSet<Frozen>,
    pub reason: String,
    pub evidence: BTreeMap<String, String>,
    pub author: Author,
}

impl Scope {
    /// Returns the channel that it is a part of; an app has none.
    pub fn channel(&self) -> Option<Channel> {
        match self {
            Scope::App(_) => None,
            Scope::Destination(channel, _) => Some(*channel),
        }
    }
}

impl PlanChange {
    /// Says whether the plan has more than weights of channels: members that came with apply version 3.
    pub fn has_parts(&self) -> bool {
        !self.scopes.is_empty() || !self.diverted.is_empty() || !self.frozen.is_empty()
    }

    /// Returns the shares of a channel.
    pub fn weights_of(&self, channel: Channel) -> &Weights {
        self.channel_weights.get(&channel).unwrap_or(&self.weights)
    }

    /// Returns the shares of a scope.
    pub fn weights_in(&self, scope: &Scope) -> &Weights {
        self.scopes
            .get(scope)
            .unwrap_or_else(|| scope.channel().map_or(&self.weights, |channel| self.weights_of(channel)))
    }

    /// Returns the plan that this change becomes when it is committed at `time`.
    pub fn into_plan(self, time: Timestamp) -> TrafficPlan {
        TrafficPlan {
            epoch: self.parent.next(),
            parent: self.parent,
            mode: self.mode,
            regions: self.regions,
            weights: self.weights,
            channel_weights: self.channel_weights,
            scopes: self.scopes,
            diverted: self.diverted,
            frozen: self.frozen,
            reason: self.reason,
            evidence: self.evidence,
            author: self.author,
            time,
        }
    }
}

impl TrafficPlan {
    /// Says whether the plan has more than weights of channels: members that came with apply version 3.
    pub fn has_parts(&self) -> bool {
        !self.scopes.is_empty() || !self.diverted.is_empty() || !self.frozen.is_empty()
    }

    /// Returns the shares of a channel.
    pub fn weights_of(&self, channel: Channel) -> &Weights {
        self.channel_weights.get(&channel).unwrap_or(&self.weights)
    }

    /// Returns the shares of a scope.
    pub fn weights_in(&self, scope: &Scope) -> &Weights {
        self.scopes
            .get(scope)
            .unwrap_or_else(|| scope.channel().map_or(&self.weights, |channel| self.weights_of(channel)))
    }

    /// Returns the state of a region; a region that the plan doesn't know counts as evacuated.
    pub fn state_of(&self, region: &RegionId) -> RegionState {
        self.regions.get(region).copied().unwrap_or(RegionState::Evacuated)
    }

    /// Returns a change that keeps everything but the reason, the evidence and the author, to be altered further.
    pub fn change(&self, author: Author, reason: String) -> PlanChange {
        PlanChange {
            parent: self.epoch,
            mode: self.mode,
            regions: self.regions.clone(),
            weights: self.weights.clone(),
            channel_weights: self.channel_weights.clone(),
            scopes: self.scopes.clone(),
            diverted: self.diverted.clone(),
            frozen: self.frozen.clone(),
            reason,
            evidence: BTreeMap::new(),
            author,
        }
    }
}

impl Mode {
    /// Returns the mode's name in the API, the CLI and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::ActiveActive => "active_active",
            Mode::WarmStandby => "warm_standby",
        }
    }
}

impl RegionState {
    /// Returns the state's name in the API, the CLI and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            RegionState::Active => "active",
            RegionState::Standby => "standby",
            RegionState::Evacuated => "evacuated",
        }
    }
}

impl fmt::Display for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frozen::Everything => f.write_str("everything"),
            Frozen::Region(region) => f.write_str(region.as_str()),
            Frozen::Channel(channel) => write!(f, "channel {channel}"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::App(app) => write!(f, "app {app}"),
            Scope::Destination(channel, destination) => write!(f, "{channel} to {destination}"),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RegionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Author::Automatic => f.write_str("automatic"),
            Author::Principal(name) => f.write_str(name),
        }
    }
}
