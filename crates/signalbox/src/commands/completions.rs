//! `signalbox completions`: what a shell needs to complete this program's arguments.

use clap::Args;
use clap_complete::Shell;

use crate::context::Context;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  source <(signalbox completions bash)
  signalbox completions zsh > ~/.zfunc/_signalbox";

/// Writes a shell's completions.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Carries out the command, for a program with these arguments.
    pub fn run(self, mut program: clap::Command, context: &mut Context<'_>) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "signalbox", &mut script);
        context.console.write(String::from_utf8_lossy(&script).trim_end())
    }
}
