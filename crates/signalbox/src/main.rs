//! The entry of the program; everything is in the library, where tests reach it.

use std::process::ExitCode;

/// Applying log entries allocates rows by the thousand; RocksDB's memory comes from here as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(signalbox::run(std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr()))
}
