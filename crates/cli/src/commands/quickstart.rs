//! `mainstay quickstart`

use std::path::PathBuf;

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::logging;
use crate::quickstart::{self, Options};

/// Watch an agent do a real task while its server is killed
///
/// It starts a server of its own, gives an agent a task over the data of a small office supplier,
/// kills the server in the middle of a tool call, starts it again, and shows that the session goes
/// on to its answer with nothing lost and nothing done twice. The model is the one of the
/// configuration or of OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENAI_BASE_URL; else the one in this
/// binary; else a recording, which says so in every line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay quickstart
  OPENAI_BASE_URL=http://127.0.0.1:11434/v1 mainstay quickstart --model openai/qwen3
  mainstay quickstart --data-dir ./try --exit")]
pub(crate) struct Arguments {
    /// The model, as agents name it
    #[arg(long, conflicts_with = "replay")]
    model: Option<String>,
    /// Play the recorded run
    #[arg(long)]
    replay: bool,
    /// Leave the server running until ^C; what happens on a terminal
    #[arg(long, conflicts_with = "exit")]
    stay: bool,
    /// Stop the server at the end; what happens without a terminal
    #[arg(long)]
    exit: bool,
    /// Make another of the 36 invoices the overdue one
    #[arg(long, value_name = "NUMBER", hide = true)]
    variant: Option<usize>,
    /// Write what the model answers as the recording that --replay plays
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "replay")]
    record: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    if context.global.log.is_some() {
        logging::start(&context.config(Vec::new())?.log, context.environment.is_plain())?;
    }
    let options = Options {
        folder: context.global.data_dir.clone(),
        model: arguments.model,
        replay: arguments.replay,
        stay: match (arguments.stay, arguments.exit) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            (false, false) => None,
        },
        variant: arguments.variant,
        record: arguments.record,
    };
    context::block_on(quickstart::run(context, &options))
}
