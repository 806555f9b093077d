//! What can go wrong, in region 0 or everywhere: the faults F1 to F9 of the health specification.

/// The destination that fails where one does. It has a fifth of the traffic.
pub const FAILING_DESTINATION: usize = 1;
/// The one that fails where two do. It has a seventh.
pub const OTHER_DESTINATION: usize = 2;
/// How many seconds a flapping fault is there, and not there.
const FLAP: u64 = 60;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    None,
    /// F1: sends fail and no event comes.
    HardLoss,
    /// F2: so many of the sends fail.
    Errors(f64),
    /// F3: from 2 % to 10 % of the sends fail, rising for half an hour.
    Creep,
    /// F4: so many of the events are lost.
    EventsLost(f64),
    /// F5: what is sent from now on has its events five times as late.
    Delays,
    /// F6: nine of ten sends to one destination fail, from everywhere.
    DestinationDown,
    /// F6: no events come from one destination, of messages from anywhere.
    DestinationSilent,
    /// F6: half of all sends fail, from everywhere.
    ProviderDown,
    /// F7: nine of ten sends to one destination fail, from region 0 only.
    DestinationUnreachable,
    /// The same for another destination, beside a fault that is the first one's.
    OtherDestinationUnreachable,
    /// Nine of ten sends to another destination fail, from everywhere.
    OtherDestinationDown,
    /// F8: a customer adds two thirds of the traffic, and six of ten of its sends are refused without a clear reason.
    BadListRefused,
    /// F8: the same, and four of five of its messages never have an event.
    BadListSilent,
    /// F9: 40 % of the sends are refused as too many.
    Throttled,
    /// Half of the sends fail for a minute, then for a minute none, and so on.
    Flapping,
}

/// A fault, and when it is there.
#[derive(Debug, Clone, Copy)]
pub struct Injected {
    pub fault: Fault,
    pub from: u64,
    pub until: u64,
}

impl Injected {
    pub fn is_on(&self, tick: u64) -> bool {
        let on = (self.from..self.until).contains(&tick);
        on && (self.fault != Fault::Flapping || ((tick - self.from) / FLAP).is_multiple_of(2))
    }

    /// The failure rate of a region's sends to a destination, where `usual` is what it would be.
    pub fn failing(&self, tick: u64, region: usize, destination: usize, usual: f64) -> f64 {
        if !self.is_on(tick) {
            return usual;
        }
        let here = region == 0;
        match self.fault {
            Fault::HardLoss if here => 0.98,
            Fault::Errors(rate) if here => rate,
            Fault::Creep if here => usual.max(0.02 + 0.08 * ((tick - self.from) as f64 / 1_800.0).min(1.0)),
            Fault::Flapping if here => 0.5,
            Fault::ProviderDown => 0.5,
            Fault::DestinationDown if destination == FAILING_DESTINATION => 0.9,
            Fault::DestinationUnreachable if here && destination == FAILING_DESTINATION => 0.9,
            Fault::OtherDestinationDown if destination == OTHER_DESTINATION => 0.9,
            Fault::OtherDestinationUnreachable if here && destination == OTHER_DESTINATION => 0.9,
            _ => usual,
        }
    }

    /// The share of a region's sends that are refused as too many.
    pub fn throttled(&self, tick: u64, region: usize) -> f64 {
        if self.is_on(tick) && region == 0 && self.fault == Fault::Throttled { 0.4 } else { 0.0 }
    }

    /// The share of the events that are lost of those that would come then.
    pub fn lost(&self, tick: u64, region: usize, destination: usize) -> f64 {
        if !self.is_on(tick) {
            return 0.0;
        }
        match self.fault {
            Fault::HardLoss if region == 0 => 1.0,
            Fault::EventsLost(share) if region == 0 => share,
            Fault::DestinationSilent if destination == FAILING_DESTINATION => 1.0,
            _ => 0.0,
        }
    }

    /// How much later events come of what is sent now.
    pub fn stretch(&self, tick: u64, region: usize) -> f64 {
        if self.is_on(tick) && region == 0 && self.fault == Fault::Delays { 5.0 } else { 1.0 }
    }

    /// Says whether a customer sends to a bad list now.
    pub fn bad_list(&self, tick: u64, region: usize) -> bool {
        let bad = matches!(self.fault, Fault::BadListRefused | Fault::BadListSilent);
        self.is_on(tick) && region == 0 && bad
    }
}

/// All that goes wrong in a world, at once or one after the other.
#[derive(Debug, Clone)]
pub struct Faults(pub Vec<Injected>);

impl Faults {
    pub fn failing(&self, tick: u64, region: usize, destination: usize, usual: f64) -> f64 {
        self.0.iter().map(|fault| fault.failing(tick, region, destination, usual)).fold(usual, f64::max)
    }

    pub fn throttled(&self, tick: u64, region: usize) -> f64 {
        self.0.iter().map(|fault| fault.throttled(tick, region)).fold(0.0, f64::max)
    }

    pub fn lost(&self, tick: u64, region: usize, destination: usize) -> f64 {
        self.0.iter().map(|fault| fault.lost(tick, region, destination)).fold(0.0, f64::max)
    }

    pub fn stretch(&self, tick: u64, region: usize) -> f64 {
        self.0.iter().map(|fault| fault.stretch(tick, region)).fold(1.0, f64::max)
    }

    /// Which kind of bad list a customer sends to now, if it does.
    pub fn bad_list(&self, tick: u64, region: usize) -> Option<Fault> {
        self.0.iter().find(|fault| fault.bad_list(tick, region)).map(|injected| injected.fault)
    }
}

impl From<Injected> for Faults {
    fn from(one: Injected) -> Faults {
        Faults(vec![one])
    }
}
