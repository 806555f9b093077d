//! What this machine lacks. A run without it is skipped, never passed.

use std::path::Path;
use std::process::Command;

/// Something that a run needs and this machine doesn't have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Namespaces and devices are made by root alone.
    #[error("only root makes network namespaces; run this as root")]
    Root,
    /// The lines between the regions are TUN devices.
    #[error("there is no /dev/net/tun, or it can't be opened")]
    Tun,
    /// Namespaces are made and set up by `ip`.
    #[error("there is no `ip`; install the package iproute2")]
    Ip,
    /// The system refuses new namespaces, as in most containers.
    #[error("the system refuses a new network namespace: {0}")]
    Namespaces(String),
}

/// Returns what a run needs and this machine lacks; nothing when it may run.
pub fn missing() -> Option<Missing> {
    if !rustix::process::geteuid().is_root() {
        return Some(Missing::Root);
    }
    if Command::new("ip").arg("-V").output().is_err() {
        return Some(Missing::Ip);
    }
    if std::fs::OpenOptions::new().read(true).write(true).open(Path::new("/dev/net/tun")).is_err() {
        return Some(Missing::Tun);
    }
    let name = format!("chaos-{}-try", std::process::id());
    let made = Command::new("ip").args(["netns", "add", &name]).output();
    let refused = match made {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(error.to_string()),
    };
    if refused.is_none() {
        Command::new("ip").args(["netns", "del", &name]).output().ok();
    }
    refused.map(Missing::Namespaces)
}
