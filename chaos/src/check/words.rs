//! How a sentence tells times, regions and faults.

use crate::history::{Api, Class, Fault, FaultKind, Micros, Region, Setting};

/// Tells a time or a duration in seconds, to the millisecond.
pub fn seconds(micros: Micros) -> String {
    format!("{}.{:03} s", micros / 1_000_000, micros % 1_000_000 / 1_000)
}

/// Tells what a fault did, without when: "berlin was killed".
pub fn told(setting: &Setting, fault: &Fault) -> String {
    let region = setting.name(fault.region);
    let other = fault.other.map_or_else(|| "another region".to_owned(), |other| setting.name(other));
    match fault.kind {
        FaultKind::Kill => format!("{region} was killed"),
        FaultKind::PowerCut => format!("{region} lost power"),
        FaultKind::Isolation => format!("{region} was isolated"),
        FaultKind::CutLine => format!("the line between {region} and {other} was cut"),
        FaultKind::CutOneWay => format!("{region} was not heard by {other}"),
        FaultKind::Pause => format!("{region} was paused"),
        FaultKind::ClockJump => format!("the clock of {region} jumped"),
        FaultKind::Replacement => format!("{region} was given another build"),
        FaultKind::SlowDisk => format!("the disk of {region} was slow"),
        FaultKind::FullDisk => format!("the disk of {region} was full"),
        FaultKind::LostDisk => format!("{region} lost its disk"),
    }
}

impl Setting {
    /// Returns a region's name.
    pub fn name(&self, region: Region) -> String {
        self.regions.get(region).cloned().unwrap_or_else(|| format!("region {region}"))
    }

    /// Returns the regions whose listeners are called: all but the witness.
    pub fn serving(&self) -> impl Iterator<Item = Region> {
        (0..self.regions.len()).filter(|region| Some(*region) != self.witness)
    }
}

impl FaultKind {
    /// Returns its name in one or two plain words.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Kill => "kill",
            FaultKind::PowerCut => "power cut",
            FaultKind::Isolation => "isolation",
            FaultKind::CutLine => "cut line",
            FaultKind::CutOneWay => "cut one way",
            FaultKind::Pause => "pause",
            FaultKind::ClockJump => "clock jump",
            FaultKind::Replacement => "replacement",
            FaultKind::SlowDisk => "slow disk",
            FaultKind::FullDisk => "full disk",
            FaultKind::LostDisk => "lost disk",
        }
    }
}

impl Api {
    /// Returns its name as its users write it.
    pub fn name(self) -> &'static str {
        match self {
            Api::Grpc => "gRPC",
            Api::Rest => "REST",
        }
    }
}

impl Class {
    /// Returns its name as the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Class::AtMostOnce => "at_most_once",
            Class::AtLeastOnce => "at_least_once",
        }
    }
}
