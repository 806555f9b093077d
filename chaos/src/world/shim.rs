//! A node's wall clock that jumps, and a disk whose syncs take long, while the node runs: a small library, loaded before
//! the C library, shifts and delays by what a file says. The node's monotonic clocks go on as they are.
//!
//! `libfaketime` can't be used: a program with an allocator of its own for everything crashes when that library begins.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

const SOURCE: &str = include_str!("shim.c");
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Where the file says how far the clock is off, and how much longer a sync takes.
const CLOCK_AT: u64 = 0;
const SYNC_AT: u64 = 8;

/// The library that nodes are started with, if their clocks are to jump or their disks to be slow.
#[derive(Debug, Clone)]
pub struct ShimLibrary(PathBuf);

/// What one node is told.
pub(super) struct Shim {
    library: ShimLibrary,
    path: PathBuf,
    /// What is read at every look at the clock and every sync.
    told: File,
}

impl ShimLibrary {
    /// Compiles the library into a folder.
    ///
    /// # Errors
    /// When there is no C compiler or it fails.
    pub fn compile(folder: &Path) -> anyhow::Result<ShimLibrary> {
        let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
        std::fs::write(&source, SOURCE).with_context(|| format!("failed to write {}", source.display()))?;
        let done = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).args([&library, &source]).output();
        let done = done.context("failed to run the C compiler, cc")?;
        if !done.status.success() {
            bail!("cc: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(ShimLibrary(library))
    }
}

impl Shim {
    /// Begins with a clock that goes right and a disk that is as fast as it is.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn make(library: ShimLibrary, path: PathBuf) -> anyhow::Result<Shim> {
        let told = File::create(&path).with_context(|| format!("failed to make {}", path.display()))?;
        let shim = Shim { library, path, told };
        shim.set_clock(0)?;
        shim.delay_syncs(Duration::ZERO)?;
        Ok(shim)
    }

    /// Sets the clock this many seconds off.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_clock(&self, seconds: i64) -> anyhow::Result<()> {
        self.tell(CLOCK_AT, seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Makes each sync take so much longer.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn delay_syncs(&self, by: Duration) -> anyhow::Result<()> {
        self.tell(SYNC_AT, i64::try_from(by.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Returns the environment of a process that goes by this.
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library.0), ("CHAOS_SHIM", &self.path)]
    }

    fn tell(&self, at: u64, nanos: i64) -> anyhow::Result<()> {
        let told = self.told.write_all_at(&nanos.to_ne_bytes(), at);
        told.with_context(|| format!("failed to write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    use super::*;

    const DAY_S: i64 = 86_400;

    fn run(shim: &Shim, program: &str, arguments: &[&str]) -> String {
        let done = Command::new(program).args(arguments).envs(shim.environment()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    #[test]
    fn a_program_goes_by_the_clock_that_is_set_and_waits_for_its_syncs() {
        let folder = tempfile::tempdir().unwrap();
        let library = ShimLibrary::compile(folder.path()).unwrap();
        let shim = Shim::make(library, folder.path().join("told")).unwrap();
        let off_s = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            run(&shim, "date", &["+%s"]).trim().parse::<i64>().unwrap() - i64::try_from(now).unwrap()
        };
        assert!((0..60).contains(&off_s()));
        shim.set_clock(-DAY_S).unwrap();
        assert!((-DAY_S..60 - DAY_S).contains(&off_s()));

        let (delay, target) = (Duration::from_millis(400), format!("of={}", folder.path().join("file").display()));
        shim.delay_syncs(delay).unwrap();
        for sync in ["conv=fsync", "conv=fdatasync"] {
            let began = Instant::now();
            run(&shim, "dd", &["if=/dev/zero", &target, "bs=1", "count=1", sync]);
            assert!(began.elapsed() >= delay, "{sync}: {:?}", began.elapsed());
        }
    }
}
