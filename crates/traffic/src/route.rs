//! Which region sends to a recipient: weighted rendezvous hashing in integers, the same on every node and in every
//! version. Frozen: a change of the hash would move recipients between sending numbers without a plan saying so.

use std::cmp::Ordering;

use model::address::{mix, stable_hash};
use model::plan::{RegionState, Scope, Shares, Weights};
use model::{Address, AddressKey, AppId, Channel, Destination, Message, RegionId, TrafficPlan};

/// Fraction bits of [`negative_log2`].
const FRACTION_BITS: u32 = 32;
/// How much log2(1 + x) exceeds x at most, for x in 0..=1, in units of 2^-32: 0.086072 (at x = 1/ln 2 - 1), rounded up.
const CHORD_ERROR: u64 = 369_690_000;

/// What there is to divide, in per mille.
const WHOLE: u32 = 1_000;

/// Who sends what to whom, as far as routing asks.
#[derive(Debug, Clone, Copy)]
pub struct Flow<'m> {
    /// The app that sends it.
    pub app: AppId,
    /// The channel it goes through.
    pub channel: Channel,
    /// Where it goes.
    pub address: &'m Address,
    /// What its recipient goes by.
    pub key: &'m AddressKey,
}

impl<'m> From<&'m Message> for Flow<'m> {
    fn from(message: &'m Message) -> Flow<'m> {
        Flow { app: message.app, channel: message.channel, address: &message.address, key: &message.key }
    }
}

/// Names the region that sends it; nothing when the plan lets no region send on its channel.
///
/// The weights are the app's own, else those of the destination on the channel, else the channel's, else those of the
/// plan. Where a region was given a share only of what goes to the destination, it has that share of its weight; where
/// that leaves no region at all, all have what they had.
///
/// Region r wins a key with probability weight(r) / sum of weights, over the active and standby regions: the winner has
/// the smallest `-log2(hash(key, r)) / weight(r)` (Schindelhauer and Schomaker, "Weighted distributed hash tables",
/// 2005). A key moves from one region to another only if the weight of the latter grew relative to that of the former.
/// So a region's evacuation and return move its own share and nothing else, and so does a shift between two regions.
/// Where a third region is present, a shift of the share x moves at most 2x/(1+x) of the keys, because some pass
/// through the third; a function of the weights alone can't promise less in general (Bavarian, Ghazi et al.,
/// "Optimality of correlated sampling strategies", 2020).
pub fn route(plan: &TrafficPlan, flow: Flow<'_>) -> Option<RegionId> {
    let key = stable_hash(flow.key.as_str().as_bytes());
    let (weights, shares) = terms(plan, flow);
    shares.and_then(|shares| nearest(plan, weights, Some(shares), key)).or_else(|| nearest(plan, weights, None, key))
}

/// Returns the weights that count for it, and what regions have of it where some of it was diverted.
fn terms<'p>(plan: &'p TrafficPlan, flow: Flow<'_>) -> (&'p Weights, Option<&'p Shares>) {
    let of_channel = plan.weights_of(flow.channel);
    if !plan.has_parts() {
        return (of_channel, None);
    }
    let destination = Destination::of(flow.channel, flow.address);
    let shares = plan.diverted.get(&(flow.channel, destination.clone()));
    let own = plan.scopes.get(&Scope::App(flow.app));
    let own = own.or_else(|| plan.scopes.get(&Scope::Destination(flow.channel, destination)));
    (own.unwrap_or(of_channel), shares)
}

fn nearest(plan: &TrafficPlan, weights: &Weights, shares: Option<&Shares>, key: u64) -> Option<RegionId> {
    let weight = |region: &RegionId, weight: u32| match shares {
        // No more than 1,000,000 times 1,000.
        Some(shares) => weight.saturating_mul(shares.get(region).copied().unwrap_or(WHOLE)),
        None => weight,
    };
    weights
        .iter()
        .map(|(region, own)| (region, weight(region, *own)))
        .filter(|(region, weight)| *weight > 0 && plan.state_of(region) != RegionState::Evacuated)
        .map(|(region, weight)| Candidate { score: score(key, region), weight, region })
        .min_by(nearer)
        .map(|candidate| candidate.region.clone())
}

/// A region that may win a key.
#[derive(Debug, Clone, Copy)]
struct Candidate<'p> {
    score: u64,
    weight: u32,
    region: &'p RegionId,
}

fn score(key: u64, region: &RegionId) -> u64 {
    mix(key ^ mix(stable_hash(region.as_str().as_bytes())))
}

/// Compares -log2(score) / weight, without dividing; equal ones by name, so that the order is total. Nearly always the
/// bounds of the logarithms say it, which take no loop.
fn nearer(left: &Candidate<'_>, right: &Candidate<'_>) -> Ordering {
    let scaled = |of: u64, by: u32| u128::from(of) * u128::from(by);
    let (left_at_least, left_at_most) = negative_log2_bounds(left.score);
    let (right_at_least, right_at_most) = negative_log2_bounds(right.score);
    if scaled(left_at_most, right.weight) < scaled(right_at_least, left.weight) {
        return Ordering::Less;
    }
    if scaled(right_at_most, left.weight) < scaled(left_at_least, right.weight) {
        return Ordering::Greater;
    }
    let left_distance = scaled(negative_log2(left.score), right.weight);
    let right_distance = scaled(negative_log2(right.score), left.weight);
    left_distance.cmp(&right_distance).then_with(|| left.region.cmp(right.region))
}

/// Returns what [`negative_log2`] is at least and at most: the logarithm of 1 to 2 is at least its argument less 1, and
/// at most [`CHORD_ERROR`] more.
fn negative_log2_bounds(bits: u64) -> (u64, u64) {
    let bits = bits.max(1);
    let leading = bits.leading_zeros();
    let fraction = (bits << leading << 1) >> (64 - FRACTION_BITS);
    let at_most = (u64::from(leading + 1) << FRACTION_BITS) - fraction;
    (at_most.saturating_sub(CHORD_ERROR), at_most)
}

/// Returns -log2(bits / 2^64) in units of 2^-32: each squaring of the mantissa yields one bit of the fraction.
fn negative_log2(bits: u64) -> u64 {
    let bits = bits.max(1);
    let leading = bits.leading_zeros();
    let mut mantissa = bits << leading;
    let mut fraction = 0_u64;
    for _ in 0..FRACTION_BITS {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        let carry = (square >> 64) as u64;
        fraction = fraction << 1 | carry;
        mantissa = (square >> carry) as u64;
    }
    (u64::from(leading + 1) << FRACTION_BITS) - fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_of_powers_of_two_are_exact() {
        for power in 0..64 {
            assert_eq!(negative_log2(1 << power), (64 - power) << FRACTION_BITS);
        }
        assert_eq!(negative_log2(0), negative_log2(1));
        assert_eq!(negative_log2(u64::MAX), 1, "rounded towards the next larger distance");
    }

    #[test]
    fn logarithms_lie_within_their_bounds() {
        let powers = (0..64).flat_map(|power| [1_u64 << power, (1 << power) - 1, (1 << power) + 1]);
        for bits in (0..100_000).map(mix).chain(powers).chain([u64::MAX, u64::MAX - 1]) {
            let (at_least, at_most) = negative_log2_bounds(bits);
            let exact = negative_log2(bits);
            assert!(at_least <= exact && exact <= at_most, "{bits}: {exact} is not in {at_least}..={at_most}");
        }
    }

    #[test]
    fn bounds_never_decide_otherwise_than_the_logarithms() {
        let names = ["a", "b"].map(|name| RegionId::new(name).unwrap());
        for n in 0..100_000_u64 {
            let score = mix(n);
            // Far ones, near ones, and equal ones.
            let others = [mix(score), score ^ (mix(n + 1) >> 40), score.wrapping_add(n & 1)];
            let weights = [1 + (mix(score ^ 1) % 1_000) as u32, 1 + (mix(score ^ 2) % 1_000) as u32];
            for (other, weights) in others.into_iter().flat_map(|other| [(other, weights), (other, [weights[0]; 2])]) {
                let left = Candidate { score, weight: weights[0], region: &names[0] };
                let right = Candidate { score: other, weight: weights[1], region: &names[1] };
                let distance = |of: u64, by: u32| u128::from(negative_log2(of)) * u128::from(by);
                let exact = distance(score, weights[1]).cmp(&distance(other, weights[0])).then(Ordering::Less);
                assert_eq!(nearer(&left, &right), exact, "{left:?} {right:?}");
                assert_eq!(nearer(&right, &left), exact.reverse(), "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn logarithms_agree_with_the_floating_point_ones() {
        for n in 0..10_000_u64 {
            let bits = mix(n);
            let exact = 64.0 - (bits.max(1) as f64).log2();
            let found = negative_log2(bits) as f64 / (1_u64 << FRACTION_BITS) as f64;
            assert!((exact - found).abs() < 1e-8, "{bits}: {exact} {found}");
        }
    }
}
