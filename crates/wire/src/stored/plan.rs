//! Traffic plans and their changes, and the nodes of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use model::cluster::NodeInfo;
use model::plan::{Author, Frozen, PlanChange, RegionState, Scope, Shares, Weights};
use model::{AppId, Channel, Destination, Epoch, NodeId, RegionId, Timestamp, TrafficPlan};

use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{Within as _, code, code_key, region, required};
use crate::state;

impl Form for TrafficPlan {
    type Generated = state::TrafficPlan;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, self.epoch.0);
        writer.uint(2, self.parent.0);
        writer.code(3, self.mode);
        write_regions(writer, 4, &self.regions);
        writer.message(5, &self.weights);
        write_channel_weights(writer, 6, &self.channel_weights);
        writer.text(7, &self.reason);
        writer.tags(8, &self.evidence);
        writer.message(9, &self.author);
        writer.uint(10, self.time.0);
        write_scopes(writer, 11, &self.scopes);
        write_diverted(writer, 12, &self.diverted);
        write_frozen(writer, 13, &self.frozen);
    }

    fn read(row: state::TrafficPlan) -> Result<TrafficPlan, InvalidField> {
        Ok(TrafficPlan {
            epoch: Epoch(row.epoch),
            parent: Epoch(row.parent),
            mode: code(row.mode, "mode")?,
            regions: read_regions(row.regions)?,
            weights: read_weights(row.weights)?,
            channel_weights: read_channel_weights(row.channel_weights)?,
            scopes: read_scopes(row.scopes)?,
            diverted: read_diverted(row.diverted)?,
            frozen: read_frozen(row.frozen)?,
            reason: row.reason,
            evidence: row.evidence,
            author: read_author(row.author)?,
            time: Timestamp(row.time_ms),
        })
    }
}

impl Form for PlanChange {
    type Generated = state::PlanChange;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, self.parent.0);
        writer.code(2, self.mode);
        write_regions(writer, 3, &self.regions);
        writer.message(4, &self.weights);
        write_channel_weights(writer, 5, &self.channel_weights);
        writer.text(6, &self.reason);
        writer.tags(7, &self.evidence);
        writer.message(8, &self.author);
        write_scopes(writer, 9, &self.scopes);
        write_diverted(writer, 10, &self.diverted);
        write_frozen(writer, 11, &self.frozen);
    }

    fn read(change: state::PlanChange) -> Result<PlanChange, InvalidField> {
        Ok(PlanChange {
            parent: Epoch(change.parent),
            mode: code(change.mode, "mode")?,
            regions: read_regions(change.regions)?,
            weights: read_weights(change.weights)?,
            channel_weights: read_channel_weights(change.channel_weights)?,
            scopes: read_scopes(change.scopes)?,
            diverted: read_diverted(change.diverted)?,
            frozen: read_frozen(change.frozen)?,
            reason: change.reason,
            evidence: change.evidence,
            author: read_author(change.author)?,
        })
    }
}

impl Form for Weights {
    type Generated = state::Weights;

    fn write(&self, writer: &mut Writer<'_>) {
        for (region, weight) in self {
            writer.nested(1, |entry| {
                entry.text(1, region.as_str());
                entry.uint(2, u64::from(*weight));
            });
        }
    }

    fn read(row: state::Weights) -> Result<Weights, InvalidField> {
        row.weights.into_iter().map(|(name, weight)| Ok((region(&name, "weights")?, weight))).collect()
    }
}

impl Form for Author {
    type Generated = state::Author;

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Author::Automatic => writer.nothing(1),
            Author::Principal(name) => writer.text_given(2, name),
        }
    }

    fn read(row: state::Author) -> Result<Author, InvalidField> {
        Ok(match required(row.author, "author")? {
            state::author::Author::Automatic(state::Nothing {}) => Author::Automatic,
            state::author::Author::Principal(name) => Author::Principal(name),
        })
    }
}

impl Form for NodeInfo {
    type Generated = state::NodeInfo;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, self.id.0);
        writer.text(2, self.region.as_str());
        writer.code(3, self.kind);
        writer.text(4, &self.peer);
        writer.text(5, &self.grpc);
        writer.text(6, &self.rest_url);
    }

    fn read(row: state::NodeInfo) -> Result<NodeInfo, InvalidField> {
        Ok(NodeInfo {
            id: NodeId(row.id),
            region: region(&row.region, "region")?,
            kind: code(row.kind, "kind")?,
            peer: row.peer,
            grpc: row.grpc,
            rest_url: row.rest_url,
        })
    }
}

fn write_regions(writer: &mut Writer<'_>, field: u32, regions: &BTreeMap<RegionId, RegionState>) {
    for (region, state) in regions {
        writer.nested(field, |entry| {
            entry.text(1, region.as_str());
            entry.code(2, *state);
        });
    }
}

fn read_regions(regions: BTreeMap<String, i32>) -> Result<BTreeMap<RegionId, RegionState>, InvalidField> {
    regions.into_iter().map(|(name, state)| Ok((region(&name, "regions")?, code(state, "regions")?))).collect()
}

fn write_channel_weights(writer: &mut Writer<'_>, field: u32, weights: &BTreeMap<Channel, Weights>) {
    for (channel, shares) in weights {
        writer.nested(field, |entry| {
            entry.code(1, *channel);
            entry.nested_unless_empty(2, |value| shares.write(value));
        });
    }
}

fn read_channel_weights(weights: BTreeMap<u32, state::Weights>) -> Result<BTreeMap<Channel, Weights>, InvalidField> {
    let field = "channel_weights";
    weights
        .into_iter()
        .map(|(channel, shares)| Ok((code_key(channel, field)?, Weights::read(shares).within(field)?)))
        .collect()
}

fn write_scopes(writer: &mut Writer<'_>, field: u32, scopes: &BTreeMap<Scope, Weights>) {
    for (scope, weights) in scopes {
        writer.nested(field, |entry| {
            match scope {
                Scope::App(app) => entry.id(1, app.0),
                Scope::Destination(channel, destination) => {
                    entry.code(2, *channel);
                    entry.text(3, destination.as_str());
                }
            }
            entry.nested_unless_empty(4, |value| weights.write(value));
        });
    }
}

fn read_scopes(scopes: Vec<state::Scoped>) -> Result<BTreeMap<Scope, Weights>, InvalidField> {
    let read = |row: state::Scoped| {
        let scope = match row.app {
            Some(app) => Scope::App(AppId::from(app)),
            None => Scope::Destination(code(row.channel, "channel")?, Destination::named(&row.destination)),
        };
        Ok((scope, Weights::read(row.weights.unwrap_or_default()).within("weights")?))
    };
    scopes.into_iter().map(read).collect::<Result<_, InvalidField>>().within("scopes")
}

fn write_diverted(writer: &mut Writer<'_>, field: u32, diverted: &BTreeMap<(Channel, Destination), Shares>) {
    for ((channel, destination), shares) in diverted {
        writer.nested(field, |entry| {
            entry.code(1, *channel);
            entry.text(2, destination.as_str());
            entry.nested_unless_empty(3, |value| shares.write(value));
        });
    }
}

fn read_diverted(diverted: Vec<state::Diverted>) -> Result<BTreeMap<(Channel, Destination), Shares>, InvalidField> {
    let read = |row: state::Diverted| {
        let shares = Shares::read(row.shares.unwrap_or_default()).within("shares")?;
        Ok(((code(row.channel, "channel")?, Destination::named(&row.destination)), shares))
    };
    diverted.into_iter().map(read).collect::<Result<_, InvalidField>>().within("diverted")
}

fn write_frozen(writer: &mut Writer<'_>, field: u32, frozen: &BTreeSet<Frozen>) {
    for part in frozen {
        writer.nested(field, |entry| match part {
            Frozen::Everything => entry.nothing(1),
            Frozen::Region(region) => entry.text_given(2, region.as_str()),
            Frozen::Channel(channel) => entry.code(3, *channel),
        });
    }
}

fn read_frozen(frozen: Vec<state::Frozen>) -> Result<BTreeSet<Frozen>, InvalidField> {
    use state::frozen::Part;
    let read = |row: state::Frozen| match required(row.part, "part")? {
        Part::Everything(state::Nothing {}) => Ok(Frozen::Everything),
        Part::Region(name) => Ok(Frozen::Region(region(&name, "region")?)),
        Part::Channel(channel) => Ok(Frozen::Channel(code(channel, "channel")?)),
    };
    frozen.into_iter().map(read).collect::<Result<_, InvalidField>>().within("frozen")
}

fn read_weights(weights: Option<state::Weights>) -> Result<Weights, InvalidField> {
    required(weights, "weights").and_then(|weights| Weights::read(weights).within("weights"))
}

fn read_author(author: Option<state::Author>) -> Result<Author, InvalidField> {
    required(author, "author").and_then(|author| Author::read(author).within("author"))
}
