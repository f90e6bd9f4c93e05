//! The files of embedded models, as this installation has them.

use std::path::PathBuf;

use anyhow::Context;
use mainstay_adapters::model::embedded::{LocalState, ModelFile, find_model_file, model_files};

use crate::config::{Config, Environment};
use crate::failure::Failure;

/// Whether this binary can run one.
pub(crate) const IS_BUILT_IN: bool = cfg!(feature = "embedded-model");

/// The provider's name of embedded models.
pub(crate) const PROVIDER: &str = "embedded";

/// Where the files are.
pub(crate) fn folder(config: &Config, environment: &Environment) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &config.embedded_model.folder {
        return Ok(folder.clone());
    }
    let home = environment.cache_home().context(
        "there is no folder for models: set embedded_model.folder, XDG_CACHE_HOME or HOME",
    )?;
    Ok(home.join("mainstay").join("models"))
}

/// A model by its name.
pub(crate) fn named(name: &str) -> Result<&'static ModelFile, Failure> {
    find_model_file(name).ok_or_else(|| {
        Failure::usage(format!("there is no embedded model {name:?}"))
            .hint("`mainstay model list` shows them")
    })
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
