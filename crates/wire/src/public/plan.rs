//! Traffic plans.

use model::TrafficPlan;
use model::plan::{Author, WEIGHT_MAX, Weights};

use crate::codes::Coded as _;
use crate::error::{Flaw, InvalidField};
use crate::read::{region, required};
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
