//! Which destinations are ill wherever they are sent to from. They say nothing of any region, and are set aside where
//! regions are judged as a whole: else one of them together with another fault would look like a region that is ill.
//!
//! It goes by how ill they look at this moment, so that what is well again counts again within seconds.

use super::region_state::RegionState;
use super::setup::Setup;
use super::signal::Signal;

/// Says of each region which destinations are ill from it, and from no other one that traffic could move to are known to
/// be well.
pub(crate) fn ill_everywhere(setup: &Setup, regions: &[RegionState]) -> Vec<Vec<bool>> {
    let destinations = 0..setup.extent.destinations;
    let of_region = |state: &RegionState| {
        let others: Vec<&RegionState> =
            regions.iter().filter(|other| other.region != state.region && other.is_target(setup)).collect();
        let ill = |destination| Signal::moving().any(|signal| is_common(setup, state, &others, signal, destination));
        destinations.clone().map(ill).collect()
    };
    regions.iter().map(of_region).collect()
}

fn is_common(setup: &Setup, state: &RegionState, others: &[&RegionState], signal: Signal, destination: usize) -> bool {
    let enough = setup.settings.looks_ill();
    let is_ill = |state: &RegionState| state.scores.highest_alone(signal, destination) >= enough;
    if !is_ill(state) {
        return false;
    }
    let (ill, others): (Vec<&RegionState>, Vec<&RegionState>) = others.iter().partition(|other| is_ill(other));
    let is_well =
        |other: &&RegionState| state.scores.is_well_elsewhere(signal, destination, other.region, &state.weighings);
    // Where more than some destinations fail, it isn't theirs: the provider is down.
    let fails_alone = |other: &&RegionState| other.scores.is_well_without_ill(signal, enough, &other.weighings);
    !ill.is_empty() && ill.iter().any(fails_alone) && !others.iter().any(is_well)
}
