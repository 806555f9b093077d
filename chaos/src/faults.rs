//! The faults by the names of the command line, and which of them this machine can inject.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;

use crate::history::FaultKind;
use crate::world::{ShimLibrary, disk_refused};

/// What takes a disk of the node's own, and what takes the library that nodes are started with.
const DISKS: [FaultName; 2] = [FaultName::PowerCut, FaultName::FullDisk];
const SHIMS: [FaultName; 2] = [FaultName::ClockJump, FaultName::SlowDisk];

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FaultName {
    /// `kill -9` of a region's node, which is started again
    Kill,
    /// A region is cut off from all others; callers and the provider still reach it
    Isolation,
    /// The line between two regions is cut
    CutLine,
    /// The line between two regions is cut in one direction
    CutOneWay,
    /// A node is stopped where it is, and goes on
    Pause,
    /// A region's machine loses power: what wasn't synced is gone
    PowerCut,
    /// A node's wall clock jumps by an hour or a day, and back
    ClockJump,
    /// Each sync of a node's disk takes 700 ms longer
    SlowDisk,
    /// A node's disk has no room any more; later it has, and the node is started again
    FullDisk,
    /// `kill -9` of a region's node, which is started again with an empty folder
    LostDisk,
}

/// What can be injected here, of what was asked for.
#[derive(Default)]
pub struct Possible {
    pub faults: Vec<FaultKind>,
    /// What can't, and why.
    pub skipped: BTreeMap<String, String>,
    /// What clocks are set and syncs delayed with, where one of both was asked for.
    pub shim: Option<ShimLibrary>,
}

impl Possible {
    /// Tries what isn't possible everywhere, in a folder, and says what is skipped.
    pub fn of(asked: &[FaultName], folder: &Path) -> Possible {
        let mut possible = Possible::default();
        let asked_any = |names: &[FaultName]| asked.iter().any(|name| names.contains(name));
        let no_disk = asked_any(&DISKS).then(|| disk_refused(folder)).flatten();
        let shim = asked_any(&SHIMS).then(|| ShimLibrary::compile(folder));
        let no_shim = shim.as_ref().and_then(|shim| shim.as_ref().err().map(|error| format!("{error:#}")));
        possible.shim = shim.and_then(Result::ok);
        for fault in asked {
            let refused = match fault {
                _ if DISKS.contains(fault) => &no_disk,
                _ if SHIMS.contains(fault) => &no_shim,
                _ => &None,
            };
            match refused {
                Some(why) => {
                    eprintln!("chaos: {} is skipped: {why}", fault.word());
                    possible.skipped.insert(fault.word(), why.clone());
                }
                None => possible.faults.push(fault.kind()),
            }
        }
        possible
    }
}

impl FaultName {
    /// Returns it as it is written on the command line.
    fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn kind(self) -> FaultKind {
        match self {
            FaultName::Kill => FaultKind::Kill,
            FaultName::Isolation => FaultKind::Isolation,
            FaultName::CutLine => FaultKind::CutLine,
            FaultName::CutOneWay => FaultKind::CutOneWay,
            FaultName::Pause => FaultKind::Pause,
            FaultName::PowerCut => FaultKind::PowerCut,
            FaultName::ClockJump => FaultKind::ClockJump,
            FaultName::SlowDisk => FaultKind::SlowDisk,
            FaultName::FullDisk => FaultKind::FullDisk,
            FaultName::LostDisk => FaultKind::LostDisk,
        }
    }
}
