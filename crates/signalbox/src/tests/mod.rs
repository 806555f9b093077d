//! Tests of the program as a whole: what can be typed, what comes out, with which exit code.

mod answers;
mod deploy;
mod listener;
mod parsing;
mod replay;

use std::ffi::OsString;

/// What a run of the program left.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: u8,
    out: String,
    err: String,
}

/// Runs the program as a terminal would.
fn run(arguments: &[&str]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = std::iter::once("signalbox").chain(arguments.iter().copied()).map(OsString::from);
    let code = crate::run(all, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code, out: text(out), err: text(err) }
}
