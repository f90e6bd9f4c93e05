//! The one place where everything is made and put together.
//!
//! Invariant: making is cheap; what takes long (models, remote tools) is done when it is first used.

use std::sync::Arc;

use anyhow::Context;
use mainstay_adapters::http_client;
use mainstay_adapters::model::{Catalogue, ModelRegistry};
use mainstay_adapters::tool::ToolSet;
use mainstay_core::policy::ListedTools;
use mainstay_runtime::{Engine, EngineParts, EngineSettings, OsEntropy, SystemClock};
use mainstay_server::{AppState, ServerSettings};
use mainstay_store::{SqliteOptions, SqliteStore, StoreError};

use crate::config::{Config, Environment};
use crate::failure::Failure;

/// The version that this binary says it has.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Opens the store of the data folder, and holds it until the last handle falls.
pub(crate) fn store(config: &Config) -> Result<Arc<SqliteStore>, Failure> {
    let options = SqliteOptions {
        queue_limit_count: config.limits.max_waiting_commits,
        file_limit_bytes: config.limits.max_data_file_bytes,
        ..SqliteOptions::new(&config.data.dir)
    };
    let opened = SqliteStore::open(options);
    opened.map(Arc::new).map_err(|error| store_failure(&error))
}

/// Starts the engine: from now on sessions with work to do go on.
pub(crate) async fn engine(config: &Config, environment: &Environment) -> Result<Engine, Failure> {
    let clock = Arc::new(SystemClock);
    let tools = config.tools.settings(&config.data.dir, environment)?;
    let tools = ToolSet::new(tools, clock.clone()).context("set up the tools")?;
    let parts = EngineParts {
        models: Arc::new(models(config, environment)?),
        store: store(config)?,
        tools: Arc::new(tools),
        policy: Arc::new(ListedTools),
        clock,
        entropy: Arc::new(OsEntropy),
    };
    let settings = EngineSettings {
        parked_cache_bytes: config.limits.parked_cache_bytes,
        ..EngineSettings::default()
    };
    Ok(Engine::start(parts, settings).await?)
}

/// What the HTTP side is given.
pub(crate) fn app_state(config: &Config, engine: Engine) -> AppState {
    let settings = ServerSettings {
        version: VERSION.to_owned(),
        default_model: config.server.default_model.clone(),
        limits: config.limits.server(),
    };
    AppState::new(engine, settings)
}

/// The models that agents can name.
pub(crate) fn models(
    config: &Config,
    environment: &Environment,
) -> Result<ModelRegistry, Failure> {
    let client = http_client::provider_client().context("set up the models")?;
    let mut registry = ModelRegistry::new(client, Arc::new(Catalogue::built_in()));
    for provider in &config.providers {
        let settings = provider.settings(environment)?;
        registry.add_provider(&settings).map_err(|error| Failure::usage(error.to_string()))?;
    }
    Ok(registry)
}

/// A store's failure, with everything that caused it.
pub(crate) fn store_failure(error: &StoreError) -> Failure {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    let failure = Failure::new(message);
    match error {
        StoreError::Unavailable { source: None, .. } => failure.hint(
            "one process at a time uses a data folder: stop the other one, or name another folder \
             with --data-dir",
        ),
        _ => failure,
    }
}
