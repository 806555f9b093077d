//! `signalbox dev`: three regions on this machine, each a process of its own, with a sandbox for providers.
//!
//! The supervisor writes a configuration per region, starts `signalbox serve` for each, runs the sandbox itself, and
//! listens on a socket in its folder for `signalbox dev kill|start|stop|status`. Below this nobody knows of dev mode.

mod control;
mod layout;
mod print;
mod region;
mod supervisor;

pub use control::{Order, ask};
pub use layout::{KEY_ID, Layout, MODES, REGIONS, SECRET, default_folder};
pub use supervisor::run;
