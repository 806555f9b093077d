//! One channel in all regions: names become the places that the detector knows, and its judgements names again.

use model::{AppId, Channel, Destination, RegionId};

use super::counter::Counter;
use super::gather::GatheredSecond;
use super::learned::{Learned, Lesson};
use super::second::CellSecond;
use super::slots::Slots;
use crate::health::{
    AGE_BINS, Advice, Counted, Detector, DetectorError, Extent, HealthSettings, Judgement, Labels, Part, Standing,
};

/// How many destinations of a channel are judged apart, the shared place among them.
const DESTINATIONS: usize = 16;
/// How many apps are, the shared place among them.
const APPS: usize = 16;
/// How often what was learned is taken over, in seconds.
const TAKE_OVER_EVERY: u64 = 10;
/// How often names are given places anew, in seconds; some times the former.
const REVIEW_EVERY: u64 = 60;
/// How much of what a name sent counts after a review: half of it an hour later.
const VOLUME_REMAINS: f64 = 1.0 - std::f64::consts::LN_2 * REVIEW_EVERY as f64 / 3_600.0;

/// What a finding is about, in a region and on a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The whole channel.
    Channel,
    /// What goes to one destination.
    Destination(Destination),
}

/// A judgement in names.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Finding {
    /// The second in which it was made.
    pub second: u64,
    pub channel: Channel,
    pub region: RegionId,
    pub subject: Subject,
    pub advice: Advice,
    /// What it rests on, in a sentence.
    pub evidence: String,
}

/// The health of one channel.
#[derive(Debug, Clone)]
pub(crate) struct ChannelHealth {
    channel: Channel,
    regions: Vec<RegionId>,
    detector: Detector,
    destinations: Slots<Destination>,
    apps: Slots<AppId>,
    learned: Learned,
}

impl ChannelHealth {
    pub(crate) fn new(
        channel: Channel,
        regions: &[RegionId],
        settings: &HealthSettings,
    ) -> Result<ChannelHealth, DetectorError> {
        let (destinations, apps) = (Slots::new(DESTINATIONS), Slots::new(APPS));
        let extent = Extent { regions: regions.len(), destinations: destinations.places(), apps: apps.places() };
        let learned = Learned::new(extent);
        let labels = labels(regions, &destinations, &apps);
        let baselines = learned.baselines(Counter::LATE_AFTER as usize);
        let detector = Detector::new(settings.clone(), labels, baselines, 1)?;
        Ok(ChannelHealth { channel, regions: regions.to_vec(), detector, destinations, apps, learned })
    }

    /// Judges a second; `cells` are those of the channel, with the index of their region.
    pub(crate) fn judge(&mut self, gathered: &GatheredSecond, cells: &[(usize, &CellSecond)]) -> Vec<Finding> {
        let second = gathered.second;
        for changed in self.regions.iter().enumerate().filter(|(_, region)| gathered.changed.contains(*region)) {
            self.detector.forget_sent(changed.0, second);
        }
        let calm: Vec<bool> = (0..self.regions.len()).map(|region| self.detector.is_calm(region)).collect();
        let of_region =
            |region| (0..self.destinations.places()).map(|to| self.detector.is_suspected(region, to)).collect();
        let suspected: Vec<Vec<bool>> = (0..self.regions.len()).map(of_region).collect();
        let mut ages = vec![[0_u32; AGE_BINS]; self.destinations.places()];
        let mut counted = Vec::with_capacity(cells.len());
        for (region, cell) in cells {
            let (destination, app) = self.places(cell);
            counted.push(Counted { region: *region, destination, app, counts: cell.counts });
            if calm[*region] && !suspected[*region][destination] {
                ages[destination].iter_mut().zip(cell.ages).for_each(|(sum, count)| *sum += count);
            }
        }
        // Whether regions are heard is asked of the leases.
        let heard = vec![vec![true]; self.regions.len()];
        let judgements = self.detector.step(second, &counted, &heard);
        self.learned.learn(&Lesson { second, counted: &counted, ages: &ages, calm: &calm, suspected: &suspected });
        if second.is_multiple_of(REVIEW_EVERY) {
            self.review(second);
        }
        if second.is_multiple_of(TAKE_OVER_EVERY) {
            let labels = labels(&self.regions, &self.destinations, &self.apps);
            let learned = self.detector.learned(labels, self.learned.baselines(Counter::LATE_AFTER as usize));
            debug_assert!(learned.is_ok(), "{learned:?}");
        }
        judgements.into_iter().map(|judgement| self.finding(judgement)).collect()
    }

    fn places(&mut self, cell: &CellSecond) -> (usize, usize) {
        let key = &cell.key;
        let destination = match key.destination == Destination::OTHER {
            true => self.destinations.places() - 1,
            false => {
                self.destinations.note(&key.destination, cell.counts.sends);
                self.destinations.place(&key.destination)
            }
        };
        let app = key.app.map_or(self.apps.places() - 1, |app| {
            self.apps.note(&app, cell.counts.sends);
            self.apps.place(&app)
        });
        (destination, app)
    }

    /// Gives places to the busiest names.
    fn review(&mut self, second: u64) {
        let (detector, regions) = (&self.detector, self.regions.len());
        let is_moved = |place| (0..regions).any(|region| is_moved(detector, region, place));
        let changed = self.destinations.review(VOLUME_REMAINS, is_moved);
        let apps_changed = self.apps.review(VOLUME_REMAINS, |_| false);
        self.renamed(&changed, second);
        if !changed.is_empty() || !apps_changed.is_empty() {
            self.learned.forget_sent();
            (0..regions).for_each(|region| self.detector.forget_sent(region, second));
        }
    }

    /// Takes note that places are other destinations' now.
    fn renamed(&mut self, places: &[usize], second: u64) {
        for place in places {
            self.detector.forget_destination(*place, second);
            self.learned.forget_destination(*place);
        }
    }

    fn finding(&self, judgement: Judgement) -> Finding {
        let Judgement { tick: second, region, part, advice, evidence } = judgement;
        let (channel, region) = (self.channel, self.regions[region].clone());
        Finding { second, channel, region, subject: self.subject(part), advice, evidence }
    }

    fn subject(&self, part: Part) -> Subject {
        match part {
            Part::Whole => Subject::Channel,
            Part::Destination(place) => {
                Subject::Destination(self.destinations.name(place).cloned().unwrap_or(Destination::OTHER))
            }
        }
    }

    fn part(&mut self, subject: &Subject) -> Part {
        match subject {
            Subject::Channel => Part::Whole,
            Subject::Destination(destination) if *destination == Destination::OTHER => {
                Part::Destination(self.destinations.places() - 1)
            }
            Subject::Destination(destination) => Part::Destination(self.destinations.place(destination)),
        }
    }

    pub(crate) fn standing(&self, region: usize) -> Standing {
        self.detector.standing(region, Part::Whole)
    }

    pub(crate) fn score(&self, region: usize) -> f64 {
        self.detector.score(region)
    }

    pub(crate) fn set_in_service(&mut self, region: usize, in_service: bool) {
        self.detector.set_in_service(region, in_service);
    }

    pub(crate) fn serves(&mut self, region: usize, subject: &Subject) {
        let part = self.part(subject);
        self.detector.serves(region, part);
    }

    pub(crate) fn was_left(&mut self, region: usize, until: u64) {
        self.detector.was_left(region, until);
    }

    /// The destinations that were moved away from a region alone.
    pub(crate) fn moved(&self, region: usize) -> impl Iterator<Item = &Destination> {
        let moved = (0..self.destinations.places()).filter(move |place| is_moved(&self.detector, region, *place));
        moved.filter_map(|place| self.destinations.name(place))
    }

    /// Takes a destination for one that was moved away by the word of others; one that is known gets a place for that.
    pub(crate) fn destination_was_left(&mut self, region: usize, destination: &Destination, second: u64, until: u64) {
        let (detector, regions) = (&self.detector, self.regions.len());
        let is_moved = |place| (0..regions).any(|region| is_moved(detector, region, place));
        let Some((place, was_another_s)) = self.destinations.claim(destination, is_moved) else { return };
        if was_another_s {
            self.renamed(&[place], second);
            self.learned.forget_sent();
            (0..regions).for_each(|region| self.detector.forget_sent(region, second));
        }
        self.detector.destination_was_left(region, place, until);
    }
}

fn is_moved(detector: &Detector, region: usize, place: usize) -> bool {
    detector.standing(region, Part::Destination(place)) != Standing::Serving
}

fn labels(regions: &[RegionId], destinations: &Slots<Destination>, apps: &Slots<AppId>) -> Labels {
    fn names<N: Ord + Clone + ToString>(slots: &Slots<N>) -> Vec<String> {
        (0..slots.places()).map(|place| slots.name(place).map_or_else(|| "others".to_owned(), N::to_string)).collect()
    }
    Labels {
        regions: regions.iter().map(RegionId::to_string).collect(),
        destinations: names(destinations),
        apps: names(apps),
    }
}
