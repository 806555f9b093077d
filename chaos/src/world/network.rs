//! One network namespace for each region and one for everything outside (clients, the provider, this program). The
//! machine's own network is not touched. Each namespace has a TUN device; what lies between them is the relay.
//!
//! Place n (regions first, then the outside) has the address 10.77.(n+1).1.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::tun::Device;

/// What the namespaces of this program are called before its process number.
const PREFIX: &str = "chaos-";
/// Where `ip` keeps them.
const NAMESPACES: &str = "/run/netns";
/// The device of a namespace.
const DEVICE: &str = "wan0";

/// The namespaces of a run, and their devices. Dropping it removes them.
pub struct Network {
    /// By place; the last is the outside.
    namespaces: Vec<String>,
}

impl Network {
    /// Makes the namespaces for so many regions and the outside. Those that a killed run left behind are removed.
    ///
    /// # Errors
    /// When the system refuses; what was made is removed again.
    pub fn make(regions: usize) -> anyhow::Result<Network> {
        remove_left_behind()?;
        let mut network = Network { namespaces: Vec::new() };
        for place in 0..=regions {
            let name = format!("{PREFIX}{}-{place}", std::process::id());
            ip(&["netns", "add", &name])?;
            network.namespaces.push(name);
        }
        Ok(network)
    }

    /// Opens the devices, by place.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn devices(&self) -> anyhow::Result<Vec<Device>> {
        let device = |(place, name): (usize, &String)| {
            let opened = open_in(name.clone())?;
            let address = format!("{}/16", address(place));
            for arguments in [
                vec!["link", "set", "lo", "up"],
                vec!["addr", "add", &address, "dev", DEVICE],
                vec!["link", "set", DEVICE, "up"],
            ] {
                let inside: Vec<&str> = ["-n", name].into_iter().chain(arguments).collect();
                ip(&inside)?;
            }
            Ok(opened)
        };
        self.namespaces.iter().enumerate().map(device).collect()
    }

    /// Returns a command that runs in a place. Not by `ip netns exec`: that gives the process mounts of its own, and a
    /// disk that others still have mounted can't lose its power.
    pub fn command(&self, place: usize, program: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("nsenter");
        command.arg(format!("--net={NAMESPACES}/{}", self.namespaces[place])).arg(program);
        command
    }

    /// Moves this thread, and all that it starts from here on, to the outside.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn enter_outside(&self) -> anyhow::Result<()> {
        enter(self.namespaces.last().context("a network without places")?)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.namespaces {
            if let Err(error) = ip(&["netns", "del", name]) {
                eprintln!("chaos: failed to remove a namespace: {error:#}");
            }
        }
    }
}

/// Returns the address of a place.
pub fn address(place: usize) -> String {
    format!("10.77.{}.1", place + 1)
}

fn enter(name: &str) -> anyhow::Result<()> {
    let path = Path::new(NAMESPACES).join(name);
    let namespace = File::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .with_context(|| format!("failed to enter {name}"))
}

/// Opens the device of a namespace, from a thread of its own: which namespace a thread is in decides where it is made.
fn open_in(name: String) -> anyhow::Result<Device> {
    let open = move || {
        enter(&name)?;
        Device::make(DEVICE)
    };
    std::thread::spawn(open).join().unwrap_or_else(|_| bail!("a thread panicked"))
}

/// Removes namespaces of runs whose process is gone.
fn remove_left_behind() -> anyhow::Result<()> {
    let listed = Command::new("ip").args(["netns", "list"]).output().context("failed to run ip")?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in text.lines().filter_map(|line| line.split_whitespace().next()) {
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        let gone = process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists());
        if gone {
            ip(&["netns", "del", name])?;
        }
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments).output().context("failed to run ip")?;
    if !output.status.success() {
        bail!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
