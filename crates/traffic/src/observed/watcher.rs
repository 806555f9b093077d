//! All channels in all regions, and whether the plan does what they need.
//!
//! The detector of a channel takes its own advice for followed. What was advised waits here until a plan says so; when
//! none does in time, because the rules refused it or another node leads and saw it otherwise, the plan is right and
//! the detector is told. So all nodes' detectors agree with the plan again soon, whoever leads.

use std::collections::{BTreeMap, BTreeSet};

use model::{Channel, Destination, RegionId};

use super::channel::{ChannelHealth, Finding, Subject};
use super::gather::GatheredSecond;
use super::second::CellSecond;
use crate::health::{Advice, DetectorError, HealthSettings, Standing};
use crate::planning::Diversions;

/// How long advice waits for a plan, in seconds.
pub const PENDING_MAX: u64 = 10;
/// How many findings are remembered for those who ask.
const RECENT_MAX: usize = 100;

/// The health of the cluster's sending, as one node sees it.
#[derive(Debug, Clone)]
pub struct Watcher {
    settings: HealthSettings,
    regions: Vec<RegionId>,
    channels: BTreeMap<Channel, ChannelHealth>,
    /// What was advised and isn't in the plan yet: the last advice on each subject.
    pending: BTreeMap<(Channel, RegionId, Subject), Finding>,
    recent: Vec<Finding>,
}

/// A share that a region should have of its traffic on a channel, and doesn't have by the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// In per mille.
    pub share_per_mille: u32,
    /// Why.
    pub finding: Finding,
}

/// How a channel looks in a region.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct ChannelView {
    pub channel: Channel,
    pub region: RegionId,
    pub standing: Standing,
    /// How ill it looks, in nats; at the settings' threshold it would be left.
    pub score: f64,
}

impl Watcher {
    /// Watches these regions.
    ///
    /// # Errors
    /// When the settings can't be used.
    pub fn new(settings: HealthSettings, regions: BTreeSet<RegionId>) -> Result<Watcher, DetectorError> {
        settings.check()?;
        let regions = regions.into_iter().collect();
        Ok(Watcher { settings, regions, channels: BTreeMap::new(), pending: BTreeMap::new(), recent: Vec::new() })
    }

    /// Judges a second. What regions count that are not watched is left out.
    pub fn judge(&mut self, gathered: &GatheredSecond) -> Vec<Finding> {
        let mut by_channel: BTreeMap<Channel, Vec<(usize, &CellSecond)>> = BTreeMap::new();
        for (index, region) in self.regions.iter().enumerate() {
            for cell in gathered.regions.get(region).into_iter().flatten() {
                by_channel.entry(cell.key.channel).or_default().push((index, cell));
            }
        }
        for channel in
            by_channel.keys().filter(|channel| !self.channels.contains_key(channel)).copied().collect::<Vec<_>>()
        {
            // The settings were checked.
            if let Ok(health) = ChannelHealth::new(channel, &self.regions, &self.settings) {
                self.channels.insert(channel, health);
            }
        }
        // Where nobody compares, as while health is only observed, nothing waits for a plan.
        self.pending.retain(|_, finding| gathered.second.saturating_sub(finding.second) < 2 * PENDING_MAX);
        let mut findings = Vec::new();
        for (channel, health) in &mut self.channels {
            findings.extend(health.judge(gathered, by_channel.get(channel).map_or(&[], Vec::as_slice)));
        }
        for finding in &findings {
            if matches!(finding.advice, Advice::Shift { .. } | Advice::Return { .. }) {
                let key = (finding.channel, finding.region.clone(), finding.subject.clone());
                self.pending.insert(key, finding.clone());
            }
            self.recent.push(finding.clone());
        }
        let over = self.recent.len().saturating_sub(RECENT_MAX);
        self.recent.drain(..over);
        findings
    }

    /// Says which regions traffic of a channel could move to.
    pub fn set_in_service(&mut self, in_service: impl Fn(Channel, &RegionId) -> bool) {
        for (channel, health) in &mut self.channels {
            for (index, region) in self.regions.iter().enumerate() {
                health.set_in_service(index, in_service(*channel, region));
            }
        }
    }

    /// Compares with the plan, and returns what should change in it. What was advised too long ago is given up.
    pub fn compare(&mut self, second: u64, diversions: &Diversions) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (channel, health) in &mut self.channels {
            for (index, region) in self.regions.iter().enumerate() {
                let key = (*channel, region.clone(), Subject::Channel);
                let (is, should) = (diversions.share(*channel, region), share_of(health.standing(index)));
                let away = is.is_some();
                if is.unwrap_or(1_000) == should {
                    self.pending.remove(&key);
                    continue;
                }
                match self.pending.get(&key) {
                    Some(finding) if second.saturating_sub(finding.second) < PENDING_MAX => {
                        wanted.push(Wanted { share_per_mille: should, finding: finding.clone() });
                    }
                    // A person's or another leader's plan is right.
                    _ if away => health.was_left(index, second + self.settings.hold),
                    _ => health.serves(index, &Subject::Channel),
                }
            }
        }
        wanted.extend(self.compare_destinations(second, diversions));
        self.give_up_others(second);
        // No plan can say it; who asks is told so.
        let others = Subject::Destination(Destination::OTHER);
        let of_others = self.pending.iter().filter(|((_, _, subject), _)| *subject == others);
        wanted.extend(of_others.map(|(_, finding)| Wanted { share_per_mille: 0, finding: finding.clone() }));
        wanted
    }

    /// The same for what goes to single destinations.
    fn compare_destinations(&mut self, second: u64, diversions: &Diversions) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (channel, health) in &mut self.channels {
            for (index, region) in self.regions.iter().enumerate() {
                let mut moved: BTreeSet<Destination> = health.moved(index).cloned().collect();
                let away: BTreeSet<Destination> = diversions.destinations(*channel, region).cloned().collect();
                let agreed: Vec<Destination> = moved.intersection(&away).cloned().collect();
                moved.extend(away.iter().cloned());
                for destination in moved {
                    let subject = Subject::Destination(destination.clone());
                    let key = (*channel, region.clone(), subject.clone());
                    if agreed.contains(&destination) {
                        self.pending.remove(&key);
                        continue;
                    }
                    let is_away = away.contains(&destination);
                    match self.pending.get(&key) {
                        Some(finding) if second.saturating_sub(finding.second) < PENDING_MAX => {
                            let share_per_mille = if is_away { 1_000 } else { 0 };
                            wanted.push(Wanted { share_per_mille, finding: finding.clone() });
                        }
                        _ if is_away => {
                            health.destination_was_left(index, &destination, second, second + self.settings.hold);
                        }
                        _ => health.serves(index, &subject),
                    }
                }
            }
        }
        wanted
    }

    /// Of what is about all other destinations together the plan knows nothing: it is taken back when its time is over.
    fn give_up_others(&mut self, second: u64) {
        let over = |finding: &Finding| second.saturating_sub(finding.second) >= PENDING_MAX;
        let given_up: Vec<_> = self.pending.extract_if(.., |_, finding| over(finding)).map(|(key, _)| key).collect();
        for (channel, region, subject) in given_up {
            let (Some(health), Some(index)) =
                (self.channels.get_mut(&channel), self.regions.iter().position(|known| *known == region))
            else {
                continue;
            };
            if subject == Subject::Destination(Destination::OTHER) {
                health.serves(index, &subject);
            }
        }
    }

    /// Returns which destinations were moved away from which region alone.
    pub fn moved_destinations(&self) -> Vec<(Channel, RegionId, Destination)> {
        let of_region = |channel: Channel, health: &ChannelHealth, index: usize| -> Vec<_> {
            health.moved(index).map(|moved| (channel, self.regions[index].clone(), moved.clone())).collect()
        };
        let of_channel = |(channel, health): (&Channel, &ChannelHealth)| -> Vec<_> {
            (0..self.regions.len()).flat_map(|index| of_region(*channel, health, index)).collect()
        };
        self.channels.iter().flat_map(of_channel).collect()
    }

    /// Says whether anything is held against a channel in a region.
    pub fn is_suspected(&self, channel: Channel, region: &RegionId) -> bool {
        let at = self.regions.iter().position(|known| known == region);
        at.zip(self.channels.get(&channel)).is_some_and(|(at, health)| health.score(at) > 0.0)
    }

    /// Returns how each channel looks in each region.
    pub fn views(&self) -> Vec<ChannelView> {
        let of_channel = |(channel, health): (&Channel, &ChannelHealth)| -> Vec<ChannelView> {
            let view = |(index, region): (usize, &RegionId)| ChannelView {
                channel: *channel,
                region: region.clone(),
                standing: health.standing(index),
                score: health.score(index),
            };
            self.regions.iter().enumerate().map(view).collect()
        };
        self.channels.iter().flat_map(of_channel).collect()
    }

    /// Returns the latest findings, the oldest first; at most 100.
    pub fn recent(&self) -> &[Finding] {
        &self.recent
    }
}

impl ChannelView {
    /// Returns which share of its traffic the region is to have, in per mille.
    pub fn share_per_mille(&self) -> u32 {
        share_of(self.standing)
    }
}

fn share_of(standing: Standing) -> u32 {
    match standing {
        Standing::Serving => 1_000,
        Standing::Away => 0,
        // Less than all, and more than nothing.
        Standing::Returning(share) => ((share * 1_000.0).round() as u32).clamp(1, 999),
    }
}
