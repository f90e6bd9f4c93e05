//! `mainstay model pull`

use mainstay_adapters::model::embedded::DEFAULT_MODEL;

use crate::context::{self, Context};
use crate::embedded::{self, Told};
use crate::failure::Failure;
use crate::output;

/// Get a model's file; an interrupted download goes on where it was
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The sources are tried in order, and the file is checked against its SHA-256, whoever gave it.

Examples:
  mainstay model pull
  mainstay model pull qwen2.5-coder-0.5b-instruct")]
pub(crate) struct Arguments {
    /// The model, as `mainstay model list` names it
    #[arg(default_value = DEFAULT_MODEL)]
    model: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let file = embedded::named(&arguments.model)?;
    let config = context.config(Vec::new())?;
    let folder = embedded::folder(&config, &context.environment)?;
    let is_live = output::is_terminal() && !context.environment.is_plain();
    let mut bar_is_there = false;
    let mut tell = |told: Told| {
        if std::mem::take(&mut bar_is_there) {
            output::error("\r\x1b[K");
        }
        match told {
            Told::Line(line) => output::note(line),
            Told::Bar(bar) => {
                output::error(&format!("  {bar}"));
                bar_is_there = true;
            }
        }
    };
    let pulled = context::block_on(async {
        let pulled = embedded::pull(file, &folder, is_live, &mut tell).await;
        pulled.map_err(|error| {
            Failure::new(format!("{} could not be had: {error:#}", file.name))
                .hint("what was got is kept: run the same command again to go on")
        })
    });
    Ok(output::line(pulled?.display().to_string())?)
}
