//! A channel in three regions, message by message: traffic that follows the day, campaigns, drifting failure rates and
//! delays, blips, and one fault. As the generator of the health specification has it, but with every message's own
//! delay.

use traffic::health::{Advice, Baselines, CellCounts, Counted, EVENT_AGE_MAX, Judgement, Labels, Part};

use super::delays;
use super::fault::{Fault, Faults};
use super::random::{Draws, Drift};

pub const REGIONS: usize = 3;
pub const DESTINATIONS: usize = 8;
pub const APPS: usize = 16;
const SHARES: [f64; DESTINATIONS] = [0.30, 0.20, 0.14, 0.11, 0.09, 0.07, 0.05, 0.04];
/// The usual failure rates of the regions.
const FAILING: [f64; REGIONS] = [0.02, 0.012, 0.03];
/// How far ahead events are kept, in seconds: longer ones are of no interest to anybody.
const AHEAD: usize = EVENT_AGE_MAX + 1;

/// A run of the world.
pub struct World {
    draws: Draws,
    rate: f64,
    faults: Faults,
    late_after: usize,
    app_shares: Vec<f64>,
    /// Where in the day it begins, in seconds.
    day: f64,
    common: [Drift; 2],
    regions: Vec<Region>,
}

/// What drifts, comes and is moved in a region.
struct Region {
    failing: Drift,
    reported: Drift,
    stretch: Drift,
    campaign: Option<(u64, usize)>,
    blip_until: u64,
    /// What comes in the next seconds, by second and cell.
    events: Vec<[u32; DESTINATIONS * APPS]>,
    late: Vec<[u32; DESTINATIONS * APPS]>,
    /// What share of its traffic it has: all of it, and to each destination.
    weight: f64,
    weights: [f64; DESTINATIONS],
}

/// The messages a second of a region to each destination, of all apps together or of one.
type Traffic = [Vec<(Option<usize>, f64)>; DESTINATIONS];
/// What a region counted, by cell.
type Cells = [CellCounts; DESTINATIONS * APPS];

/// What one region's messages go through this second.
struct Second {
    tick: u64,
    region: usize,
    failing: f64,
    odds: f64,
    stretch: f64,
}

impl World {
    /// Makes a world with so many messages a second in each region.
    pub fn new(seed: u64, rate: f64, faults: Faults) -> World {
        let weights: Vec<f64> = (1..=APPS).map(|rank| 1.0 / rank as f64).collect();
        let all: f64 = weights.iter().sum();
        let region = || Region {
            failing: Drift::new(0.2, 7_200.0),
            reported: Drift::new(0.05, 3_600.0),
            stretch: Drift::new(0.05, 3_600.0),
            campaign: None,
            blip_until: 0,
            events: vec![[0; DESTINATIONS * APPS]; AHEAD],
            late: vec![[0; DESTINATIONS * APPS]; AHEAD],
            weight: 1.0,
            weights: [1.0; DESTINATIONS],
        };
        World {
            draws: Draws::new(seed),
            rate,
            faults,
            late_after: delays::late_after(),
            app_shares: weights.iter().map(|weight| weight / all).collect(),
            day: (seed.wrapping_mul(997) % 86_400) as f64,
            common: [Drift::new(0.12, 3_600.0); 2],
            regions: (0..REGIONS).map(|_| region()).collect(),
        }
    }

    pub fn labels() -> Labels {
        let names = |letter: &str, count| (0..count).map(|index| format!("{letter}{index}")).collect();
        Labels { regions: names("r", REGIONS), destinations: names("c", DESTINATIONS), apps: names("k", APPS) }
    }

    /// What is normal in it, as it would have been learned.
    pub fn baselines(&self) -> Baselines {
        let late = 1.0 - delays::by_age()[self.late_after];
        let everywhere = |rate: f64| vec![vec![rate; DESTINATIONS]; REGIONS];
        Baselines {
            rates: [
                FAILING.iter().map(|rate| vec![*rate; DESTINATIONS]).collect(),
                everywhere(0.0),
                everywhere(late),
                everywhere(0.002),
            ],
            destination_shares: SHARES.to_vec(),
            app_shares: self.app_shares.clone(),
            curves: vec![delays::curve(); DESTINATIONS],
            late_after: self.late_after,
            normal_rates: vec![self.rate; REGIONS],
        }
    }

    /// Does what was advised: moves traffic away, or gives it back.
    pub fn follow(&mut self, judgement: &Judgement) {
        let region = &mut self.regions[judgement.region];
        let share = match judgement.advice {
            Advice::Shift { .. } => 0.0,
            Advice::Return { weight } => weight,
            Advice::Shed { .. } | Advice::Hold(_) => return,
        };
        match judgement.part {
            Part::Whole => region.weight = share,
            Part::Destination(destination) => region.weights[destination] = share,
        }
    }

    /// Lets the second `tick` pass, and returns what was counted in it.
    pub fn second(&mut self, tick: u64) -> Vec<Counted> {
        let mut counts: Vec<Cells> = vec![[CellCounts::default(); DESTINATIONS * APPS]; REGIONS];
        let day = 1.0 + 0.6 * (std::f64::consts::TAU * (tick as f64 + self.day) / 86_400.0).sin();
        let common = self.common.each_mut().map(|drift| drift.step(&mut self.draws));
        let traffic = self.traffic(tick, self.rate * day);
        for (region, counts) in counts.iter_mut().enumerate() {
            let second = self.pass(tick, region, common);
            for (destination, traffic) in traffic[region].iter().enumerate() {
                for flow in traffic {
                    self.send(&second, destination, *flow, counts);
                }
            }
            if let Some(fault) = self.faults.bad_list(tick, region) {
                self.send_to_bad_list(&second, fault == Fault::BadListSilent, counts);
            }
            self.deliver(&second, counts);
        }
        let counted = |region: usize, counts: Cells| {
            let counted = counts.into_iter().enumerate().filter(|(_, counts)| *counts != CellCounts::default());
            counted.map(move |(cell, counts)| Counted { region, destination: cell / APPS, app: cell % APPS, counts })
        };
        counts.into_iter().enumerate().flat_map(|(region, counts)| counted(region, counts)).collect()
    }

    /// How many messages a second go from where to where: of all apps together, and of a campaign. What a region
    /// doesn't have goes to the others that have all of theirs.
    fn traffic(&mut self, tick: u64, rate: f64) -> [Traffic; REGIONS] {
        let mut traffic: [Traffic; REGIONS] = Default::default();
        for home in 0..REGIONS {
            let campaign = self.campaign(tick, home);
            for destination in 0..DESTINATIONS {
                let of = |region: &Region| region.weight * region.weights[destination];
                let weight = of(&self.regions[home]);
                let others: Vec<usize> = (0..REGIONS).filter(|other| of(&self.regions[*other]) >= 1.0).collect();
                let flow = |region: usize, share: f64, traffic: &mut [Traffic; REGIONS]| {
                    traffic[region][destination].push((None, rate * SHARES[destination] * share));
                    if let Some(app) = campaign {
                        traffic[region][destination].push((Some(app), 4.0 * rate * SHARES[destination] * share));
                    }
                };
                if weight >= 1.0 || others.is_empty() {
                    flow(home, 1.0, &mut traffic);
                    continue;
                }
                others.iter().for_each(|other| flow(*other, (1.0 - weight) / others.len() as f64, &mut traffic));
                flow(home, weight, &mut traffic);
                if weight == 0.0 {
                    let probes = (0.01 * self.rate).clamp(0.2, 5.0) * SHARES[destination];
                    traffic[home][destination].push((None, probes));
                }
            }
        }
        traffic
    }

    /// Five times the traffic for some minutes, every four hours: one app's.
    fn campaign(&mut self, tick: u64, region: usize) -> Option<usize> {
        let state = &mut self.regions[region];
        if state.campaign.is_some_and(|(until, _)| tick >= until) {
            state.campaign = None;
        }
        if state.campaign.is_none() && self.draws.chance(1.0 / 14_400.0) {
            let until = tick + 300 + self.draws.below(600);
            state.campaign = Some((until, self.draws.below(APPS as u64) as usize));
        }
        state.campaign.map(|(_, app)| app)
    }

    fn pass(&mut self, tick: u64, region: usize, common: [f64; 2]) -> Second {
        let state = &mut self.regions[region];
        let drift = state.failing.step(&mut self.draws).exp();
        let mut failing = FAILING[region] * drift * self.draws.noise();
        if tick >= state.blip_until && self.draws.chance(1.0 / 21_600.0) {
            state.blip_until = tick + 1 + self.draws.below(2);
        }
        if tick < state.blip_until {
            failing = failing.max(0.3);
        }
        let odds = (common[0] + state.reported.step(&mut self.draws)).exp();
        let stretch = (common[1] + state.stretch.step(&mut self.draws)).exp();
        Second { tick, region, failing: failing.min(0.99), odds, stretch: stretch * self.faults.stretch(tick, region) }
    }

    /// Sends to a destination, for one app or for all of them by their shares.
    fn send(&mut self, second: &Second, destination: usize, (app, rate): (Option<usize>, f64), counts: &mut Cells) {
        let failing = self.faults.failing(second.tick, second.region, destination, second.failing);
        let throttled = self.faults.throttled(second.tick, second.region);
        for _ in 0..self.draws.poisson(rate) {
            let app = app.unwrap_or_else(|| self.draws.index(&self.app_shares));
            let cell = destination * APPS + app;
            let counts = &mut counts[cell];
            counts.sends += 1;
            if self.draws.chance(throttled) {
                counts.throttled += 1;
            } else if self.draws.chance(failing) {
                counts.errors += 1;
            } else {
                self.accept(second, cell, 1.0);
            }
        }
    }

    fn send_to_bad_list(&mut self, second: &Second, silent: bool, counts: &mut Cells) {
        for _ in 0..self.draws.poisson(0.7 * self.rate) {
            let cell = self.draws.index(&SHARES) * APPS;
            counts[cell].sends += 1;
            let failing = if silent { second.failing } else { 0.6 };
            if self.draws.chance(failing) {
                counts[cell].errors += 1;
            } else {
                self.accept(second, cell, if silent { 0.2 } else { 1.0 });
            }
        }
    }

    /// Draws when the event of a message comes that is accepted now, and whether it is late.
    fn accept(&mut self, second: &Second, cell: usize, reported: f64) {
        let &Second { tick, region, odds, stretch, .. } = second;
        let comes = delays::draw(&mut self.draws, stretch, odds).filter(|_| self.draws.chance(reported));
        let lost = |draws: &mut Draws, faults: &Faults, delay: usize| {
            let lost = faults.lost(tick + delay as u64, region, cell / APPS);
            lost > 0.0 && draws.chance(lost)
        };
        let delay = comes.filter(|delay| *delay < EVENT_AGE_MAX as f64).map(|delay| delay as usize);
        let delay = delay.filter(|delay| !lost(&mut self.draws, &self.faults, *delay));
        let state = &mut self.regions[region];
        if let Some(delay) = delay {
            state.events[(tick as usize + delay) % AHEAD][cell] += 1;
        }
        if delay.is_none_or(|delay| delay > self.late_after) {
            state.late[(tick as usize + self.late_after) % AHEAD][cell] += 1;
        }
    }

    fn deliver(&mut self, second: &Second, counts: &mut Cells) {
        let state = &mut self.regions[second.region];
        let slot = second.tick as usize % AHEAD;
        for (cell, counts) in counts.iter_mut().enumerate() {
            counts.events = std::mem::take(&mut state.events[slot][cell]);
            counts.late = std::mem::take(&mut state.late[slot][cell]);
        }
    }
}
