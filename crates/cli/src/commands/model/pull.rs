//! `mainstay model pull`

use std::path::{Path, PathBuf};

use mainstay_adapters::model::embedded::{DEFAULT_MODEL, ModelFile, PullProgress, Puller};

use super::command::find;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;

/// How much is got between two lines of progress, percent.
const STEP_PERCENT: u64 = 5;

/// Get a model's file; an interrupted download goes on where it was
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The model, as `mainstay model list` names it
    #[arg(default_value = DEFAULT_MODEL)]
    model: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let file = find(&arguments.model)?;
    let config = context.config(Vec::new())?;
    let folder = config.embedded_model.models_folder(&context.environment)?;
    let path = context::block_on(pull(file, &folder))?;
    Ok(output::line(path.display().to_string())?)
}

/// Gets a model's file, and says how it goes.
pub(crate) async fn pull(file: &ModelFile, folder: &Path) -> Result<PathBuf, Failure> {
    output::note(format!(
        "getting {} ({} MB, {}) into {}",
        file.name,
        file.size_bytes / 1_000_000,
        file.licence,
        folder.display()
    ));
    let puller = Puller::new().map_err(|error| Failure::new(error.to_string()))?;
    let mut told_percent = 0;
    let mut tell = |progress: PullProgress<'_>| match progress {
        PullProgress::Trying { source } => output::note(format!("  from {source}")),
        PullProgress::SourceFailed { source, error } => {
            output::note(format!("  {source} did not work: {error}"));
        }
        PullProgress::Bytes { done_bytes, total_bytes } => {
            let percent = done_bytes * 100 / total_bytes.max(1);
            if percent >= told_percent + STEP_PERCENT || percent < told_percent {
                told_percent = percent;
                output::note(format!("  {percent:>3} %  {} MB", done_bytes / 1_000_000));
            }
        }
        PullProgress::Verifying => output::note("  checking its SHA-256"),
    };
    let pulled = puller.pull(file, folder, &mut tell).await;
    pulled.map_err(|error| {
        Failure::new(format!("{} could not be had: {error}", file.name))
            .hint("what was got is kept: run the same command again to go on")
    })
}
