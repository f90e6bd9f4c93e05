//! The files of embedded models, as this installation has them.
//!
//! Invariant: the one place that knows where they are. Deliberately absent: how a download is shown,
//! which [`report`] words and its caller prints.

mod report;

use std::path::{Path, PathBuf};

use anyhow::Context;
use mainstay_adapters::model::embedded::{
    LocalState, ModelFile, PullProgress, Puller, find_model_file, model_files,
};

use self::report::Report;
pub(crate) use self::report::Told;
use crate::config::{Config, Environment};
use crate::failure::Failure;

/// Whether this binary can run one.
pub(crate) const IS_BUILT_IN: bool = cfg!(feature = "embedded-model");

/// The provider's name of embedded models.
pub(crate) const PROVIDER: &str = "embedded";

/// Where the files are.
pub(crate) fn folder(config: &Config, environment: &Environment) -> Result<PathBuf, Failure> {
    let cached = || environment.cache_home().map(|cache| cache.join("mainstay/models"));
    config.embedded_model.folder.clone().or_else(cached).ok_or_else(|| {
        Failure::new("there is no folder for models: HOME is not set")
            .hint("set embedded_model.folder in the configuration")
    })
}

/// A model by its name.
pub(crate) fn named(name: &str) -> Result<&'static ModelFile, Failure> {
    find_model_file(name).ok_or_else(|| {
        let known: Vec<_> = model_files().iter().map(|file| file.name).collect();
        Failure::usage(format!("there is no embedded model {name:?}"))
            .hint(format!("the models are: {}", known.join(", ")))
    })
}

/// Gets a model's file; `tell` is told how it goes, with a bar that moves where it is live.
pub(crate) async fn pull(
    file: &ModelFile,
    folder: &Path,
    is_live: bool,
    tell: &mut (dyn FnMut(Told) + Send),
) -> anyhow::Result<PathBuf> {
    let puller = Puller::new().context("set up the download")?;
    let mut report = Report::new(is_live);
    if file.state(folder).context("look for the model")? != LocalState::Present {
        tell(Report::beginning(file, folder));
    }
    let mut on_progress = |progress: PullProgress<'_>| {
        if let Some(told) = report.of(&progress) {
            tell(told);
        }
    };
    Ok(puller.pull(file, folder, &mut on_progress).await?)
}

/// The models that agents can use now, the preferred one first: the one that is configured, else
/// those whose files are there.
pub(crate) fn ready(
    config: &Config,
    environment: &Environment,
) -> Result<Vec<(&'static ModelFile, PathBuf)>, Failure> {
    if !IS_BUILT_IN || !config.embedded_model.enabled {
        return Ok(Vec::new());
    }
    let folder = folder(config, environment)?;
    let chosen = config.embedded_model.model.as_deref().map(named).transpose()?;
    let is_there = |file: &ModelFile| {
        let state = file.state(&folder);
        let state = state.with_context(|| format!("look for models in {}", folder.display()))?;
        Ok::<_, anyhow::Error>(state == LocalState::Present)
    };
    let mut ready = Vec::new();
    let files = chosen.into_iter().chain(model_files().iter().filter(|file| chosen != Some(*file)));
    for file in files {
        if is_there(file)? {
            ready.push((file, file.path(&folder)));
        }
    }
    Ok(ready)
}
