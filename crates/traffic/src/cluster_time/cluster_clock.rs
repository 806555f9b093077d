//! The cluster's time on one node. Asking changes nothing; [`ClusterClock::heard`], [`ClusterClock::look`],
//! [`ClusterClock::wanted`] and [`ClusterClock::accept`] do.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{NodeId, RegionId};
use model::time::{BootTime, Timestamp};

use super::census::Census;
use super::rules::per_mille;
use super::{Leap, Offset, OwnTime, Source, TimeRules, TimeStatus};

/// What another node said of its clocks, and when it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Who said it.
    pub node: NodeId,
    /// When the call was sent, on this node's clock. What was said is from a moment after it,
    pub sent: BootTime,
    /// and from before this.
    pub arrived: BootTime,
    /// Its wall clock.
    pub wall: Timestamp,
    /// What it takes for the cluster's time, if it has a line.
    pub time: Option<OwnTime>,
}

/// What outlives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// The line; only of use within the same boot of the machine.
    pub line: Option<Offset>,
    /// Leaps accepted so far.
    pub era: u64,
}

/// There is no leap to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cluster's time follows the clocks; there is no leap to accept")]
pub struct NotBlocked;

/// The cluster's time on one node.
#[derive(Debug, Clone)]
pub struct ClusterClock {
    rules: TimeRules,
    own: NodeId,
    /// The cluster's time minus this node's clock; nothing until a majority of the regions made it known.
    line: Option<Offset>,
    era: u64,
    /// What goes for the time while there is no line.
    lower: Option<Offset>,
    /// The median of the wall clocks, at the last look.
    median: Option<Offset>,
    /// Whether the median is too far off the line to be followed.
    blocked: bool,
    /// How far the own wall clock is ahead of the line; negative when it is behind.
    ahead_ms: Option<i64>,
    /// The same, while it is off.
    off_ms: Option<i64>,
    readings: BTreeMap<NodeId, Reading>,
    looked: BootTime,
    /// Since when, and when last, a leader wanted the time without any being known.
    wanted: Option<(BootTime, BootTime)>,
}

/// What is known of another node's clocks.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: BootTime,
    /// Half of the round trip.
    error: Duration,
    wall: Offset,
    time: Option<(Offset, u64)>,
}

impl ClusterClock {
    /// Begins on a node; `record` is what an earlier start stored, without a line when the machine was booted since.
    pub fn new(rules: TimeRules, own: NodeId, record: Record, now: BootTime) -> ClusterClock {
        ClusterClock {
            rules,
            own,
            line: record.line,
            era: record.era,
            lower: None,
            median: None,
            blocked: false,
            ahead_ms: None,
            off_ms: None,
            readings: BTreeMap::new(),
            looked: now,
            wanted: None,
        }
    }

    /// Takes what another node said. Of what is heard of one node the reading with the least uncertainty is kept, until
    /// a clock was clearly set since. An answer that took too long says nothing.
    pub fn heard(&mut self, heard: Heard) {
        let error = heard.arrived.since(heard.sent) / 2;
        if error > self.rules.agree_max {
            return;
        }
        let at = heard.sent + error;
        let time = heard.time.map(|own| (Offset::of(own.time, at), own.era));
        if let Some((time, era)) = time.filter(|(_, era)| *era > self.era) {
            (self.line, self.era) = (Some(time), era);
        }
        let reading = Reading { at, error, wall: Offset::of(heard.wall, at), time };
        let known = self.readings.get(&heard.node);
        if known.is_none_or(|known| reading.replaces(known, self.rules.aging_per_mille)) {
            self.readings.insert(heard.node, reading);
        }
    }

    /// Compares the clocks and corrects the line; to be called often, at least once a second. `regions` are those of
    /// all nodes of the cluster, `wall` is this node's wall clock.
    pub fn look(&mut self, now: BootTime, wall: Timestamp, regions: &BTreeMap<NodeId, RegionId>) {
        let elapsed = now.since(self.looked);
        self.looked = now;
        let age_max = self.rules.reading_age_max;
        self.readings.retain(|node, reading| now.since(reading.at) < age_max && regions.contains_key(node));
        let own = Offset::of(wall, now);
        let census = self.census(own, regions);
        match self.line {
            Some(line) => self.follow(line, elapsed, &census),
            None => self.establish(&census),
        }
        self.ahead_ms = self.line.map(|line| own.ahead_ms(line));
        // Back again only when it is well within.
        let bound = if self.off_ms.is_some() { self.rules.off_max / 2 } else { self.rules.off_max };
        self.off_ms = self.ahead_ms.filter(|_| self.line.is_some_and(|line| own.distance(line) > bound));
    }

    /// Returns the cluster's time; nothing while none is known.
    pub fn time(&self, now: BootTime) -> Option<Timestamp> {
        self.line.or(self.lower.filter(|_| self.has_waited())).map(|offset| offset.at(now))
    }

    /// Takes note that a leader wants the time. While that goes on and nothing better is known, the lower one of the
    /// known clocks becomes the time after `wait_max`.
    pub fn wanted(&mut self, now: BootTime) {
        let since = match self.wanted {
            Some((since, last)) if now.since(last) <= self.rules.reading_age_max => since,
            _ => now,
        };
        self.wanted = Some((since, now));
    }

    /// Returns what others are told.
    pub fn own_time(&self, now: BootTime) -> Option<OwnTime> {
        self.line.map(|line| OwnTime { time: line.at(now), era: self.era })
    }

    /// Returns what is to be stored.
    pub fn record(&self) -> Record {
        Record { line: self.line, era: self.era }
    }

    /// Returns how this node stands, by the last look.
    pub fn status(&self, now: BootTime) -> TimeStatus {
        let source = match (self.line, self.time(now)) {
            (Some(_), _) => Source::Line,
            (None, Some(_)) => Source::Lower,
            (None, None) => Source::Unknown,
        };
        TimeStatus {
            time: self.time(now),
            source,
            median: self.median.map(|median| median.at(now)),
            leap: self.leap(),
            ahead_ms: self.ahead_ms,
            off_ms: self.off_ms,
            others_off_ms: self.others_off(now),
        }
    }

    /// Says whether a node's wall clock was heard of lately and isn't off; of this node, whether it isn't off.
    pub fn is_right(&self, node: NodeId, now: BootTime) -> bool {
        let Some(line) = self.line else { return false };
        match self.readings.get(&node) {
            _ if node == self.own => self.off_ms.is_none(),
            Some(reading) => !self.is_off(reading, line, now),
            None => false,
        }
    }

    /// Takes the median of the wall clocks for the cluster's time, on an operator's word. Every other node that hears
    /// of it does the same.
    ///
    /// # Errors
    /// When no leap is refused.
    pub fn accept(&mut self) -> Result<Leap, NotBlocked> {
        let leap = self.leap().ok_or(NotBlocked)?;
        (self.line, self.era, self.blocked) = (self.median, self.era + 1, false);
        Ok(leap)
    }

    fn census(&self, own: Offset, regions: &BTreeMap<NodeId, RegionId>) -> Census {
        let mut walls: BTreeMap<&RegionId, Vec<Offset>> = BTreeMap::new();
        let mut times: BTreeMap<&RegionId, Vec<Offset>> = BTreeMap::new();
        let own_region = regions.get(&self.own);
        if let Some(region) = own_region {
            walls.entry(region).or_default().push(own);
        }
        for (node, reading) in &self.readings {
            let Some(region) = regions.get(node) else { continue };
            walls.entry(region).or_default().push(reading.wall);
            let time = reading.time.filter(|(_, era)| *era == self.era && Some(region) != own_region);
            times.entry(region).or_default().extend(time.map(|(time, _)| time));
        }
        let count = regions.values().collect::<std::collections::BTreeSet<_>>().len();
        Census::new(walls, times, count, self.rules.agree_max)
    }

    /// Whoever knows the time is believed: a majority made it known there.
    fn establish(&mut self, census: &Census) {
        self.line = census.time_elsewhere().or_else(|| census.agreed());
        self.lower = census.lower();
        self.median = census.agreed();
        self.blocked = false;
    }

    fn follow(&mut self, line: Offset, elapsed: Duration, census: &Census) {
        let line = census.outvotes(line).unwrap_or(line);
        self.median = census.agreed_beside(line);
        self.blocked = self.median.is_some_and(|median| median.distance(line) > self.rules.leap_max);
        let aim = self.median.filter(|_| !self.blocked).unwrap_or(line);
        let is_near = aim.distance(line) <= self.rules.agree_max;
        let rate = if is_near { self.rules.slew_per_mille } else { self.rules.catch_up_per_mille };
        self.line = Some(line.towards(aim, per_mille(elapsed, rate)));
        (self.lower, self.wanted) = (None, None);
    }

    fn leap(&self) -> Option<Leap> {
        let (line, median) = self.line.zip(self.median).filter(|_| self.blocked)?;
        Some(Leap { ahead_ms: median.ahead_ms(line) })
    }

    fn others_off(&self, now: BootTime) -> BTreeMap<NodeId, i64> {
        let Some(line) = self.line else { return BTreeMap::new() };
        let off = self.readings.iter().filter(|(_, reading)| self.is_off(reading, line, now));
        off.map(|(node, reading)| (*node, reading.wall.ahead_ms(line))).collect()
    }

    fn is_off(&self, reading: &Reading, line: Offset, now: BootTime) -> bool {
        reading.wall.distance(line) > self.rules.off_max + reading.aged(now, self.rules.aging_per_mille)
    }

    fn has_waited(&self) -> bool {
        self.wanted.is_some_and(|(since, last)| last.since(since) >= self.rules.wait_max)
    }
}

impl Reading {
    /// Returns how uncertain this is by now.
    fn aged(&self, now: BootTime, aging_per_mille: u32) -> Duration {
        self.error + per_mille(now.since(self.at), aging_per_mille)
    }

    /// Says whether this is to be kept in the place of an earlier reading of the same node.
    fn replaces(&self, known: &Reading, aging_per_mille: u32) -> bool {
        let aged = known.aged(self.at, aging_per_mille);
        let was_set = |then: Offset, now: Offset| now.distance(then) > self.error + aged;
        let time_was_set = match (known.time, self.time) {
            (Some((then, _)), Some((now, _))) => was_set(then, now),
            (then, now) => then.is_some() != now.is_some(),
        };
        self.error <= aged || was_set(known.wall, self.wall) || time_was_set
    }
}
