//! A TUN device: whatever a namespace sends to it is read here, and what is written here arrives in the namespace.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;

use anyhow::Context;
use rustix::ioctl::{Opcode, Setter, ioctl};

/// Makes a device, or takes one over (TUNSETIFF), and which: IP packets, without a header before them.
const MAKE: Opcode = 0x4004_54ca;
const PACKETS: u16 = 0x0001;
const WITHOUT_HEADER: u16 = 0x1000;
/// The longest name with the zero after it.
const NAME_BYTES: usize = 16;

/// What the kernel reads: an `ifreq`.
#[repr(C)]
struct Request {
    name: [u8; NAME_BYTES],
    flags: u16,
    rest: [u8; 22],
}

/// A device, as long as it is open.
pub struct Device(File);

impl Device {
    /// Makes a device in the network namespace of this thread.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn make(name: &str) -> anyhow::Result<Device> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun").context("failed to open TUN")?;
        let mut request = Request { name: [0; NAME_BYTES], flags: PACKETS | WITHOUT_HEADER, rest: [0; 22] };
        anyhow::ensure!(name.len() < NAME_BYTES, "the name of a device has at most {} bytes", NAME_BYTES - 1);
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        #[expect(unsafe_code, reason = "there is no safe call for it; the kernel reads an ifreq, which this is")]
        let made = unsafe { ioctl(device.as_fd(), Setter::<MAKE, Request>::new(request)) };
        made.with_context(|| format!("failed to make the device {name}"))?;
        Ok(Device(device))
    }

    /// Waits for a packet and returns its length.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        (&self.0).read(buffer)
    }

    /// Hands a packet over.
    pub(super) fn send(&self, packet: &[u8]) -> std::io::Result<()> {
        (&self.0).write_all(packet)
    }
}
