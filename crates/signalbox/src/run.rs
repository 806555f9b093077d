//! From the command line to the exit code.

use std::ffi::OsString;
use std::io::Write;

use anyhow::Context as _;
use clap::{CommandFactory, Parser};
use tokio::runtime::{Builder, Runtime};

use crate::cli::{Cli, Command};
use crate::console::{Console, visible};
use crate::context::Context;
use crate::failure::{EXIT_FAILED, EXIT_OK, Failure};

/// Runs the program: reads the arguments, does what they say, writes answers to `out` and one line about what went
/// wrong to `err`. Returns the exit code: 0 success, 1 refused or failed, 2 usage error, 3 no listener answered.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let said = error.print();
            return if said.is_ok() { u8::try_from(error.exit_code()).unwrap_or(EXIT_FAILED) } else { EXIT_FAILED };
        }
    };
    // Two of the dependencies could choose a provider of cryptography; this program names it.
    rustls::crypto::ring::default_provider().install_default().ok();
    match carry_out(cli, out) {
        Ok(()) => EXIT_OK,
        Err(failure) => {
            if failure.is_worth_saying() && writeln!(err, "signalbox: {}", visible(&failure.to_string())).is_err() {
                return EXIT_FAILED;
            }
            failure.exit_code()
        }
    }
}

fn carry_out(cli: Cli, out: &mut dyn Write) -> Result<(), Failure> {
    let mut context = Context { console: Console::new(out, cli.global.output), global: cli.global };
    match cli.command {
        Command::Completions(command) => command.run(Cli::command(), &mut context),
        Command::CheckConfig(command) => command.run(&mut context),
        Command::Certs(command) => command.run(&mut context),
        Command::Health(command) => ask(command.run(&mut context)),
        Command::Serve(command) => {
            let runtime = many_threads()?;
            let outcome = runtime.block_on(command.run());
            runtime.shutdown_background();
            outcome
        }
        Command::Dev(command) => many_threads()?.block_on(command.run(&mut context)),
        Command::Status(command) => ask(command.run(&mut context)),
        Command::Traffic(command) => ask(command.run(&mut context)),
        Command::Cluster(command) => ask(command.run(&mut context)),
        Command::App(command) => ask(command.run(&mut context)),
        Command::Channel(command) => ask(command.run(&mut context)),
        Command::Endpoint(command) => ask(command.run(&mut context)),
        Command::Send(command) => ask(command.run(&mut context)),
        Command::Message(command) => ask(command.run(&mut context)),
        Command::Held(command) => ask(command.run(&mut context)),
        Command::OptOut(command) => ask(command.run(&mut context)),
        Command::Accounting(command) => ask(command.run(&mut context)),
    }
}

/// Carries out a command that asks a cluster.
fn ask(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().context("failed to start the runtime")?;
    runtime.block_on(command)
}

fn many_threads() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().enable_all().build().context("failed to start the runtime")?)
}
