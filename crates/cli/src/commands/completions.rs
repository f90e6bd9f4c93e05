//! `mainstay completions`

use clap_complete::Shell;

use crate::failure::Failure;
use crate::output;

/// Print a shell's completions
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  source <(mainstay completions bash)                                     for this shell
  mainstay completions bash > ~/.local/share/bash-completion/completions/mainstay
  mainstay completions zsh  > ~/.zfunc/_mainstay
  mainstay completions fish > ~/.config/fish/completions/mainstay.fish")]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, cli: &mut clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, cli, "mainstay", &mut script);
    Ok(output::text(String::from_utf8_lossy(&script))?)
}
