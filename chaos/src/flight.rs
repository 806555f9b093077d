//! How long something that a region sent is on its way to the provider, with whatever a busy machine adds: a process in
//! each region sends what its monotonic clock shows, again and again, and the harness compares when it takes that. What
//! the checks allow for a dispatch that is on its way is what was measured in the same run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

use crate::history::{Flight, Line, Micros, Region};
use crate::recorder::Recorder;

/// How often each region sends.
pub const SENT_EVERY: Duration = Duration::from_millis(20);
/// How often the longest of each region is taken down.
const RECORDED_EVERY: Duration = Duration::from_secs(1);
/// What is sent: nanoseconds.
const STAMP_BYTES: usize = 8;

/// The longest flights since the last line, by region.
type Longest = Arc<Mutex<BTreeMap<Region, Micros>>>;

/// Sends stamps until nobody takes them any more.
///
/// # Errors
/// When nobody is there at first.
pub fn send(to: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(to).with_context(|| format!("failed to connect to {to}"))?;
    stream.set_nodelay(true).context("failed to send without delay")?;
    while stream.write_all(&monotonic_nanos().to_be_bytes()).is_ok() {
        std::thread::sleep(SENT_EVERY);
    }
    Ok(())
}

/// Takes stamps, and takes the longest of each region down, until it is dropped.
pub async fn take(listener: TcpListener, recorder: Arc<Recorder>) {
    let longest = Longest::default();
    let mut lines = interval(RECORDED_EVERY);
    lines.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // A region begins to send.
            accepted = listener.accept() => {
                if let Ok((stream, from)) = accepted
                    && let Some(region) = region_of(from)
                {
                    tokio::spawn(measure(stream, region, Arc::clone(&longest)));
                }
            }
            _ = lines.tick() => {
                let longest = std::mem::take(&mut *longest.lock().unwrap_or_else(PoisonError::into_inner));
                for (region, longest_us) in longest {
                    recorder.record(Line::Flight(Flight { at_us: recorder.now(), region, longest_us }));
                }
            }
        }
    }
}

async fn measure(mut stream: tokio::net::TcpStream, region: Region, longest: Longest) {
    let mut stamp = [0; STAMP_BYTES];
    while stream.read_exact(&mut stamp).await.is_ok() {
        let took_us = monotonic_nanos().saturating_sub(u64::from_be_bytes(stamp)) / 1_000;
        let mut longest = longest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = longest.entry(region).or_default();
        *known = took_us.max(*known);
    }
}

/// Namespaces of one machine share its monotonic clock.
fn monotonic_nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec).unwrap_or(0), u64::try_from(now.tv_nsec).unwrap_or(0));
    seconds * 1_000_000_000 + nanos
}

/// Returns the place that an address belongs to.
fn region_of(from: SocketAddr) -> Option<Region> {
    let IpAddr::V4(address) = from.ip() else { return None };
    let [10, 77, place, _] = address.octets() else { return None };
    usize::from(place).checked_sub(1)
}
