//! Traffic plans.

use model::plan::{Author, Frozen, Scope, Shares, WEIGHT_MAX, Weights};
use model::{Channel, Destination, TrafficPlan};

use super::parse_app_id;
use crate::codes::Coded as _;
use crate::error::{Flaw, InvalidField};
use crate::read::{code, region, required};
use crate::v1;

impl From<TrafficPlan> for v1::TrafficPlan {
    fn from(plan: TrafficPlan) -> v1::TrafficPlan {
        v1::TrafficPlan {
            epoch: plan.epoch.0,
            parent_epoch: plan.parent.0,
            mode: plan.mode.wire_code(),
            regions: plan.regions.into_iter().map(|(region, state)| (region.to_string(), state.wire_code())).collect(),
            weights: Some(weights(plan.weights)),
            channel_weights: plan
                .channel_weights
                .into_iter()
                .map(|(channel, shares)| v1::ChannelWeights {
                    channel: channel.wire_code(),
                    weights: Some(weights(shares)),
                })
                .collect(),
            reason: plan.reason,
            evidence: plan.evidence,
            author: Some(plan.author.into()),
            time_ms: plan.time.0,
            scopes: plan.scopes.into_iter().map(scope).collect(),
            diverted: plan.diverted.into_iter().map(diverted).collect(),
            frozen: plan.frozen.into_iter().map(frozen).collect(),
        }
    }
}

fn scope((scope, own): (Scope, Weights)) -> v1::ScopeWeights {
    let weights = Some(weights(own));
    match scope {
        Scope::App(app) => v1::ScopeWeights { app_id: app.to_string(), weights, ..Default::default() },
        Scope::Destination(channel, destination) => {
            let (channel, destination) = (channel.wire_code(), destination.to_string());
            v1::ScopeWeights { channel, destination, weights, ..Default::default() }
        }
    }
}

fn diverted(((channel, destination), shares): ((Channel, Destination), Shares)) -> v1::Diverted {
    let shares_per_mille = weights(shares).weights;
    v1::Diverted { channel: channel.wire_code(), destination: destination.to_string(), shares_per_mille }
}

fn frozen(frozen: Frozen) -> v1::Frozen {
    use v1::frozen::Part;
    let part = match frozen {
        Frozen::Everything => Part::Everything(true),
        Frozen::Region(region) => Part::Region(region.to_string()),
        Frozen::Channel(channel) => Part::Channel(channel.wire_code()),
    };
    v1::Frozen { part: Some(part) }
}

/// Parses what is to be frozen or no more, in the field `part`.
///
/// # Errors
/// When it is not given, or a region's name or a channel isn't one.
pub fn parse_frozen(part: Option<v1::Frozen>) -> Result<Frozen, InvalidField> {
    use v1::frozen::Part;
    match required(part.and_then(|frozen| frozen.part), "part")? {
        Part::Everything(true) => Ok(Frozen::Everything),
        Part::Everything(false) => Err(InvalidField::new("part.everything", Flaw::Missing)),
        Part::Region(name) => Ok(Frozen::Region(region(&name, "part.region")?)),
        Part::Channel(channel) => Ok(Frozen::Channel(code(channel, "part.channel")?)),
    }
}

/// Parses what a request names: an app, or a destination on a channel.
///
/// # Errors
/// When none or both are given, or one of them isn't one.
pub fn parse_scope(request: &v1::ShiftPartRequest) -> Result<Scope, InvalidField> {
    let v1::ShiftPartRequest { app_id, channel, destination, .. } = request;
    match (channel, destination.as_str(), app_id.as_str()) {
        (0, "", app) => Ok(Scope::App(parse_app_id(app, "app_id")?)),
        (channel, destination, "") => {
            let channel = code(*channel, "channel")?;
            let destination = Destination::parse(channel, destination);
            let destination = destination.map_err(|reason| InvalidField::new("destination", reason))?;
            Ok(Scope::Destination(channel, destination))
        }
        _ => Err(InvalidField::new("app_id", Flaw::Combination("goes with neither a channel nor a destination"))),
    }
}

impl From<Author> for v1::traffic_plan::Author {
    fn from(author: Author) -> v1::traffic_plan::Author {
        match author {
            Author::Automatic => v1::traffic_plan::Author::Automatic(true),
            Author::Principal(name) => v1::traffic_plan::Author::Principal(name),
        }
    }
}

fn weights(weights: Weights) -> v1::Weights {
    v1::Weights { weights: weights.into_iter().map(|(region, weight)| (region.to_string(), weight)).collect() }
}

/// Parses shares that must be given, in the field `weights`.
///
/// # Errors
/// When they are not given, a region's name isn't one, or a share is over [`WEIGHT_MAX`].
pub fn parse_weights(weights: Option<v1::Weights>) -> Result<Weights, InvalidField> {
    let field = "weights";
    required(weights, field)?
        .weights
        .into_iter()
        .map(|(name, found)| match found {
            0..=WEIGHT_MAX => Ok((region(&name, field)?, found)),
            _ => {
                let (max, found) = (u64::from(WEIGHT_MAX), u64::from(found));
                Err(InvalidField::new(format!("{field}[{name:?}]"), Flaw::TooLarge { max, found }))
            }
        })
        .collect()
}
