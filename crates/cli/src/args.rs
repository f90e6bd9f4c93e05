//! The command line: what it is made of, and what each command is given.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::commands;
use crate::config::Environment;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Stateful runtime for AI agents: sessions that survive every crash
#[derive(Debug, Parser)]
#[command(
    name = "mainstay",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "\
Examples:
  mainstay quickstart                    see it work, with no key and no service
  mainstay serve                         run the server on this machine
  mainstay chat                          talk to an agent
  mainstay sessions list                 what was asked of agents, and where it stands
  mainstay journal verify ses_01h…       prove that a session's journal is whole

Environment:
  MAINSTAY_URL, MAINSTAY_KEY             the server that commands talk to, and the key to it; when
                                         unset the server that runs on the data folder, and its key
  MAINSTAY_CONFIG                        the configuration file
  MAINSTAY_SECTION__KEY                  any setting: MAINSTAY_LIMITS__MAX_REQUESTS=256
  OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL
                                         the models of `serve` when the configuration names none
  NO_COLOR                               no colours

Results go to stdout, everything else to stderr. Exit codes: 0 it worked, 1 it did not, 2 it was
asked wrongly (the command line, the configuration), 3 the server cannot be reached. `sandbox exec`
and `sandbox shell` end with the exit code of what they ran."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The data folder: the store, the workspaces, and this machine's key [default:
    /// ~/.local/share/mainstay] [env: MAINSTAY_DATA__DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The configuration file [default: ~/.config/mainstay/mainstay.toml] [env: MAINSTAY_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What the server logs to stderr: `info`, `debug`, `warn,mainstay_store=debug`, … [default:
    /// info] [env: MAINSTAY_LOG__FILTER]
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Quickstart(commands::quickstart::Arguments),
    Serve(commands::serve::Arguments),
    Chat(commands::chat::Arguments),
    Agents(commands::agents::Arguments),
    Sessions(commands::sessions::Arguments),
    Sandbox(commands::sandbox::Arguments),
    Journal(commands::journal::Arguments),
    Bundle(commands::bundle::Arguments),
    Keys(commands::keys::Arguments),
    Vaults(commands::vaults::Arguments),
    Model(commands::model::Arguments),
    Image(commands::image::Arguments),
    Config(commands::config::Arguments),
    Doctor(commands::doctor::Arguments),
    Version(commands::version::Arguments),
    Completions(commands::completions::Arguments),
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context::new(Environment::capture(), cli.global);
    match run(&context, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure.lines());
            failure.exit_code()
        }
    }
}

fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Quickstart(arguments) => commands::quickstart::run(context, arguments),
        Command::Serve(arguments) => commands::serve::run(context, &arguments),
        Command::Chat(arguments) => commands::chat::run(context, &arguments),
        Command::Agents(arguments) => commands::agents::run(context, arguments),
        Command::Sessions(arguments) => commands::sessions::run(context, arguments),
        Command::Sandbox(arguments) => commands::sandbox::run(context, arguments),
        Command::Journal(arguments) => commands::journal::run(context, arguments),
        Command::Bundle(arguments) => commands::bundle::run(context, arguments),
        Command::Image(arguments) => commands::image::run(context, arguments),
        Command::Model(arguments) => commands::model::run(context, arguments),
        Command::Keys(arguments) => commands::keys::run(context, arguments),
        Command::Vaults(arguments) => commands::vaults::run(context, arguments),
        Command::Doctor(arguments) => commands::doctor::run(context, &arguments),
        Command::Config(arguments) => commands::config::run(context, arguments),
        Command::Version(arguments) => commands::version::run(context, &arguments),
        Command::Completions(arguments) => {
            commands::completions::run(&arguments, &mut Cli::command())
        }
    }
}
