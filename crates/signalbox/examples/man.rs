//! Writes the manual pages, one for each command, into a folder: `cargo run --example man -- FOLDER`. It knows only what
//! can be typed; `scripts/release` packs what it writes.

use anyhow::Context as _;
use clap::CommandFactory as _;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).context("usage: man FOLDER")?;
    std::fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(signalbox::Cli::command(), &folder)?;
    Ok(())
}
