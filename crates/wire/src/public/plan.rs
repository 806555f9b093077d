//! Traffic plans.

use model::plan::{Author, Scope, Shares, WEIGHT_MAX, Weights};
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

/// What a request to shift names: nothing for everything, a channel, a destination on it, or an app.
///
/// # Errors
/// When one of them isn't one, a destination has no channel, or an app has one.
pub fn parse_part(request: &v1::ShiftRequest) -> Result<(Option<Channel>, Option<Scope>), InvalidField> {
    let channel = match request.channel {
        0 => None,
        given => Some(code(given, "channel")?),
    };
    let v1::ShiftRequest { destination, app_id, .. } = request;
    match (channel, destination.as_str(), app_id.as_str()) {
        (channel, "", "") => Ok((channel, None)),
        (None, "", app) => Ok((None, Some(Scope::App(parse_app_id(app, "app_id")?)))),
        (Some(channel), destination, "") => {
            let destination = Destination::parse(channel, destination);
            let destination = destination.map_err(|reason| InvalidField::new("destination", reason))?;
            Ok((None, Some(Scope::Destination(channel, destination))))
        }
        (None, _, "") => Err(InvalidField::new("destination", Flaw::Combination("needs a channel beside it"))),
        (_, _, _) => {
            Err(InvalidField::new("app_id", Flaw::Combination("goes with neither a channel nor a destination")))
        }
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
