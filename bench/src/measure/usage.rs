//! What processes used, as the kernel counts it in `/proc`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// What a process used since it started, and what it holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Processor time, its own and the kernel's for it.
    pub cpu: Duration,
    /// Bytes that it caused to be written to the disk, in whole pages.
    pub written_bytes: u64,
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
    /// The most resident memory since the start, or since [`forget_peak`], in bytes.
    pub peak_bytes: u64,
}

/// A file of `/proc` can't be read or understood.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {}", .file.display())]
pub struct UsageError {
    file: PathBuf,
    #[source]
    source: Option<std::io::Error>,
}

impl Usage {
    /// Returns what was used between an earlier reading and this; the memory is this one's.
    pub fn since(self, before: Usage) -> Usage {
        Usage {
            cpu: self.cpu.saturating_sub(before.cpu),
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
            resident_bytes: self.resident_bytes,
            peak_bytes: self.peak_bytes,
        }
    }

    fn plus(self, other: Usage) -> Usage {
        Usage {
            cpu: self.cpu + other.cpu,
            written_bytes: self.written_bytes + other.written_bytes,
            resident_bytes: self.resident_bytes + other.resident_bytes,
            peak_bytes: self.peak_bytes + other.peak_bytes,
        }
    }
}

/// Reads what a process used.
pub fn usage(pid: u32) -> Result<Usage, UsageError> {
    Ok(Usage {
        cpu: parsed(pid, "stat", cpu)?,
        written_bytes: parsed(pid, "io", |text| named(text, "write_bytes:"))?,
        resident_bytes: parsed(pid, "status", |text| named(text, "VmRSS:"))? * 1_024,
        peak_bytes: parsed(pid, "status", |text| named(text, "VmHWM:"))? * 1_024,
    })
}

/// Reads what several processes used together.
pub fn usage_of_all(pids: &[u32]) -> Result<Usage, UsageError> {
    pids.iter().try_fold(Usage::default(), |sum, pid| Ok(sum.plus(usage(*pid)?)))
}

/// Lets a process's peak of resident memory begin anew, at what is resident now (proc_pid_clear_refs(5)).
pub fn forget_peak(pid: u32) -> Result<(), UsageError> {
    let file = PathBuf::from(format!("/proc/{pid}/clear_refs"));
    std::fs::write(&file, "5").map_err(|source| UsageError { file, source: Some(source) })
}

/// Reads how many bytes went over the loopback device of a process's network namespace, headers included.
pub fn loopback_bytes(pid: u32) -> Result<u64, UsageError> {
    parsed(pid, "net/dev", |text| named(text, "lo:"))
}

fn parsed<T>(pid: u32, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, UsageError> {
    let file = PathBuf::from(format!("/proc/{pid}/{name}"));
    match std::fs::read_to_string(&file) {
        Ok(text) => parse(&text).ok_or(UsageError { file, source: None }),
        Err(source) => Err(UsageError { file, source: Some(source) }),
    }
}

/// Reads the processor time of `/proc/PID/stat`: the 14th and 15th field, counted behind the program's name, which may
/// hold blanks and brackets.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut fields = behind_name.split(' ').skip(11).map(str::parse::<u64>);
    let ticks = fields.next()?.ok()? + fields.next()?.ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Reads the number that follows a name.
fn named(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0 100 1 2 3";
        assert_eq!(cpu(stat), Some(Duration::from_secs(200) / rustix::param::clock_ticks_per_second() as u32));
        assert_eq!(cpu("7 (x) S 1"), None);
    }

    #[test]
    fn numbers_are_found_by_their_names() {
        let device = "Inter-|\n face |bytes\n    lo: 1234 5 0\n  eth0: 9 9";
        assert_eq!(named(device, "lo:"), Some(1_234));
        assert_eq!(named("VmRSS:\t  12 kB", "VmRSS:"), Some(12));
        assert_eq!(named("VmRSS:", "VmRSS:"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let used = usage_of_all(&[std::process::id()]).unwrap();
        assert!(used.resident_bytes > 0 && used.peak_bytes > 0);
        forget_peak(std::process::id()).unwrap();
        assert!(usage(u32::MAX).is_err());
    }
}
