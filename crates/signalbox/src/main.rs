//! The entry of the program; everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(signalbox::run(std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr()))
}
