//! Which region sends to a recipient: weighted rendezvous hashing in integers, the same on every node and in every
//! version. Frozen: a change of the hash would move recipients between sending numbers without a plan saying so.

use std::cmp::Ordering;

use model::address::{mix, stable_hash};
use model::plan::RegionState;
use model::{AddressKey, Channel, RegionId, TrafficPlan};

/// Fraction bits of [`negative_log2`].
const FRACTION_BITS: u32 = 32;

/// Names the region that sends to `key` on `channel`; nothing when the plan lets no region send on it.
///
/// Region r wins a key with probability weight(r) / sum of weights, over the active and standby regions: the winner has
/// the smallest `-log2(hash(key, r)) / weight(r)` (Schindelhauer and Schomaker, "Weighted distributed hash tables",
/// 2005). A key moves from one region to another only if the weight of the latter grew relative to that of the former.
/// So a region's evacuation and return move its own share and nothing else, and so does a shift between two regions.
/// Where a third region is present, a shift of the share x moves at most 2x/(1+x) of the keys, because some pass
/// through the third; a function of the weights alone can't promise less in general (Bavarian, Ghazi et al.,
/// "Optimality of correlated sampling strategies", 2020).
pub fn route(plan: &TrafficPlan, channel: Channel, key: &AddressKey) -> Option<RegionId> {
    let key = stable_hash(key.as_str().as_bytes());
    plan.weights_of(channel)
        .iter()
        .filter(|(region, weight)| **weight > 0 && plan.state_of(region) != RegionState::Evacuated)
        .map(|(region, weight)| (negative_log2(score(key, region)), *weight, region))
        .min_by(nearer)
        .map(|(_, _, region)| region.clone())
}

fn score(key: u64, region: &RegionId) -> u64 {
    mix(key ^ mix(stable_hash(region.as_str().as_bytes())))
}

/// Compares distance / weight without dividing; equal ones by name, so that the order is total.
fn nearer(left: &(u64, u32, &RegionId), right: &(u64, u32, &RegionId)) -> Ordering {
    let left_scaled = u128::from(left.0) * u128::from(right.1);
    let right_scaled = u128::from(right.0) * u128::from(left.1);
    left_scaled.cmp(&right_scaled).then_with(|| left.2.cmp(right.2))
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
    fn logarithms_agree_with_the_floating_point_ones() {
        for n in 0..10_000_u64 {
            let bits = mix(n);
            let exact = 64.0 - (bits.max(1) as f64).log2();
            let found = negative_log2(bits) as f64 / (1_u64 << FRACTION_BITS) as f64;
            assert!((exact - found).abs() < 1e-8, "{bits}: {exact} {found}");
        }
    }
}
