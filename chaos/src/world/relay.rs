//! What lies between the places: every packet from one to another waits for the delay of that direction, or is lost
//! where the line is cut. Packets of one direction never overtake each other. Kernels without netem delay none.
//!
//! One thread a device reads, one thread writes what is due. All of it ends with the process.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::tun::Device;

/// The longest packet.
const PACKET_BYTES: usize = 65_536;
/// Packets that may wait for their time; more are lost, as a router's queue would lose them.
const WAITING_MAX: usize = 100_000;
/// The offsets of an IPv4 header that are looked at.
const DESTINATION: std::ops::Range<usize> = 16..20;

/// One direction between two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// How long a packet takes.
    pub delay: Duration,
    /// Whether it is lost instead.
    pub cut: bool,
}

/// The lines between all places.
#[derive(Clone)]
pub struct Relay {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    more: Condvar,
}

struct State {
    /// By sender, then by receiver.
    links: Vec<Vec<Link>>,
    waiting: BinaryHeap<Reverse<Packet>>,
    /// The number of the last packet: those that are due at once go in the order in which they came.
    last: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due: Instant,
    number: u64,
    to: usize,
    bytes: Vec<u8>,
}

impl Relay {
    /// Starts to carry packets between devices, by place; `delay` says how long from one to another.
    pub fn start(devices: Vec<Device>, delay: impl Fn(usize, usize) -> Duration) -> Relay {
        let places = devices.len();
        let link = |from, to| Link { delay: delay(from, to), cut: false };
        let links = (0..places).map(|from| (0..places).map(|to| link(from, to)).collect()).collect();
        let state = Mutex::new(State { links, waiting: BinaryHeap::new(), last: 0 });
        let relay = Relay { shared: Arc::new(Shared { state, more: Condvar::new() }) };
        let devices: Arc<[Device]> = devices.into();
        for place in 0..places {
            let (relay, devices) = (relay.clone(), Arc::clone(&devices));
            std::thread::spawn(move || relay.read(&devices[place], place));
        }
        let writer = relay.clone();
        std::thread::spawn(move || writer.write(&devices));
        relay
    }

    /// Changes whether packets from one place reach another, in this direction alone.
    pub fn cut(&self, from: usize, to: usize, cut: bool) {
        self.lock().links[from][to].cut = cut;
    }

    fn read(&self, device: &Device, from: usize) {
        let mut buffer = vec![0; PACKET_BYTES];
        // It fails when the device is gone, and then the run is over.
        while let Ok(length) = device.receive(&mut buffer) {
            self.take(&buffer[..length], from);
        }
    }

    fn take(&self, packet: &[u8], from: usize) {
        let mut state = self.lock();
        let Some(to) = place_of(packet, state.links.len()) else { return };
        let link = state.links[from][to];
        if link.cut || state.waiting.len() >= WAITING_MAX {
            return;
        }
        state.last += 1;
        let number = state.last;
        state.waiting.push(Reverse(Packet { due: Instant::now() + link.delay, number, to, bytes: packet.to_vec() }));
        self.shared.more.notify_one();
    }

    fn write(&self, devices: &[Device]) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let wait = state.waiting.peek().map(|Reverse(first)| first.due.saturating_duration_since(now));
            state = match wait {
                None => self.shared.more.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(wait) if !wait.is_zero() => {
                    self.shared.more.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                Some(_) => {
                    let due = state.due(now);
                    drop(state);
                    for packet in due {
                        // A device that takes no packet loses it; TCP sends it again.
                        devices[packet.to].send(&packet.bytes).ok();
                    }
                    self.lock()
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn due(&mut self, now: Instant) -> Vec<Packet> {
        let mut due = Vec::new();
        while self.waiting.peek().is_some_and(|Reverse(first)| first.due <= now) {
            due.extend(self.waiting.pop().map(|Reverse(packet)| packet));
        }
        due
    }
}

/// Returns the place that an IPv4 packet goes to, of so many.
fn place_of(packet: &[u8], places: usize) -> Option<usize> {
    let is_v4 = packet.first().is_some_and(|first| first >> 4 == 4);
    let destination: [u8; 4] = packet.get(DESTINATION)?.try_into().ok()?;
    let [10, 77, place, _] = Ipv4Addr::from(destination).octets() else { return None };
    usize::from(place).checked_sub(1).filter(|place| is_v4 && *place < places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet_to(address: [u8; 4]) -> Vec<u8> {
        let mut packet = vec![0; 20];
        packet[0] = 0x45;
        packet[DESTINATION].copy_from_slice(&address);
        packet
    }

    #[test]
    fn a_packet_goes_to_the_place_in_its_address() {
        assert_eq!(place_of(&packet_to([10, 77, 1, 1]), 4), Some(0));
        assert_eq!(place_of(&packet_to([10, 77, 4, 1]), 4), Some(3));
    }

    #[test]
    fn what_has_no_place_is_lost() {
        for address in [[10, 77, 5, 1], [10, 77, 0, 1], [10, 78, 1, 1], [224, 0, 0, 22]] {
            assert_eq!(place_of(&packet_to(address), 4), None, "{address:?}");
        }
        assert_eq!(place_of(&[0x60; 40], 4), None, "IPv6");
        assert_eq!(place_of(&packet_to([10, 77, 1, 1])[..12], 4), None, "too short");
    }
}
