//! The one place where everything is made and put together.
//!
//! Invariant: making is cheap; what takes long (models, remote tools) is done when it is first used.

pub(crate) mod compute;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use mainstay_adapters::http_client;
#[cfg(feature = "embedded-model")]
use mainstay_adapters::model::embedded::{DEFAULT_MAX_WAITING_CALLS, EmbeddedModels};
use mainstay_adapters::model::{Catalogue, ModelRegistry, ReplayModel};
use mainstay_adapters::sandbox::hub::Hub;
use mainstay_adapters::sandbox::{EitherSandboxes, ExecutorSandboxes};
use mainstay_adapters::tool::{CLIENT_METADATA_PATH, EgressCourier, ToolSet};
use mainstay_adapters::vault::Vault;
use mainstay_core::policy::ListedTools;
use mainstay_core::port::Model;
use mainstay_runtime::{Engine, EngineParts, EngineSettings, OsEntropy, StoreBlobs, SystemClock};
use mainstay_server::{AppState, ServerSettings, SessionEnvironments};
use mainstay_store::{SqliteOptions, SqliteStore, StoreError};

use crate::config::{Config, Environment, WITNESS_FILE};
#[cfg(feature = "embedded-model")]
use crate::embedded;
use crate::failure::Failure;

/// The version that this binary says it has.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What comes before the `/` in the name of a recorded session that answers instead of a model.
pub(crate) const REPLAY_PROVIDER: &str = "replay";

/// The folder in the data folder for what is known of executors.
const EXECUTORS: &str = "executors";

/// Opens the store of the data folder, and holds it until the last handle falls.
pub(crate) fn store(config: &Config) -> Result<Arc<SqliteStore>, Failure> {
    let options = SqliteOptions {
        queue_limit_count: config.limits.max_waiting_commits,
        file_limit_bytes: config.limits.max_data_file_bytes,
        ..SqliteOptions::new(&config.data.dir)
    };
    let opened = SqliteStore::open(&options);
    opened.map(Arc::new).map_err(|error| store_failure(&error))
}

/// What encrypts the secrets of the store; a key that is another than theirs is refused.
pub(crate) fn seals(config: &Config, environment: &Environment) -> Result<Arc<Vault>, Failure> {
    vault(config, environment).map(Arc::new)
}

/// The same, to change its key.
pub(crate) fn vault(config: &Config, environment: &Environment) -> Result<Vault, Failure> {
    let key = config.vault.key(&config.data.dir, environment);
    let key = key.map_err(|error| Failure::configuration(&error))?;
    let witness = config.data.dir.join(WITNESS_FILE);
    let vault = Vault::new(key, Arc::new(OsEntropy)).with_witness(witness);
    vault.check().map_err(|error| Failure::new(error.to_string()))?;
    Ok(vault)
}

/// The engine, and what the HTTP side needs beside it.
#[derive(Clone)]
pub(crate) struct EngineAndExecutors {
    pub(crate) engine: Engine,
    public_url: Option<String>,
    executors: Arc<ExecutorSandboxes>,
    /// None where machines are switched off.
    pub(crate) hub: Option<Arc<Hub>>,
}

/// Starts the engine: from now on sessions with work to do go on.
pub(crate) async fn engine(
    config: &Config,
    environment: &Environment,
    bound: SocketAddr,
) -> Result<EngineAndExecutors, Failure> {
    let clock = Arc::new(SystemClock);
    let entropy = Arc::new(OsEntropy);
    let store = store(config)?;
    let blobs = Arc::new(StoreBlobs::new(store.clone()));
    let machines =
        compute::sandboxes(config, environment, blobs, clock.clone(), entropy.clone()).await?;
    let executors = config.data.dir.join(EXECUTORS);
    let executors = ExecutorSandboxes::new(executors, clock.clone(), entropy.clone());
    let executors = Arc::new(executors);
    let sandboxes = Arc::new(EitherSandboxes::new(machines.port, executors.clone()));
    let tools = config.tools.settings(&config.data.dir, environment);
    let mut tools = tools.map_err(|error| Failure::configuration(&error))?;
    tools.sandboxes = Some(sandboxes.clone());
    let public_url = config.server.public_url(bound);
    let public_url = public_url.map_err(|error| Failure::configuration(&error))?;
    let has_tls = public_url.as_ref().filter(|url| url.starts_with("https:"));
    tools.oauth.client_metadata_url = has_tls.map(|url| format!("{url}{CLIENT_METADATA_PATH}"));
    tools.oauth.public_url.clone_from(&public_url);
    let private_hosts = tools.private_hosts_allowed.clone();
    let courier = EgressCourier::new(private_hosts).context("set up the way out")?;
    let tools = ToolSet::new(tools, clock.clone()).context("set up the tools")?;
    let parts = EngineParts {
        models: Arc::new(models(config, environment)?),
        store,
        tools: Arc::new(tools),
        policy: Arc::new(ListedTools),
        clock,
        entropy,
        seals: seals(config, environment)?,
        courier: Arc::new(courier),
        sandboxes,
        environments: Arc::new(SessionEnvironments),
    };
    let settings = EngineSettings {
        parked_cache_bytes: config.limits.parked_cache_bytes,
        kept_checkpoints: config.compute.kept_checkpoints,
        kept_checkpoints_ms: config.compute.kept_checkpoints_ms,
        ..EngineSettings::default()
    };
    let engine = Engine::start(parts, settings).await?;
    Ok(EngineAndExecutors { engine, public_url, executors, hub: machines.hub })
}

/// What the HTTP side is given.
pub(crate) fn app_state(config: &Config, parts: EngineAndExecutors) -> AppState {
    let settings = ServerSettings {
        version: VERSION.to_owned(),
        default_model: config.server.default_model.clone(),
        public_url: parts.public_url,
        limits: config.limits.server(),
    };
    AppState::new(parts.engine, Some(parts.executors), settings)
}

/// Whether any model can be had. The embedded one may be there or come later.
pub(crate) fn has_model(config: &Config) -> bool {
    let embedded = &config.embedded_model;
    let is_embedded = cfg!(feature = "embedded-model") && embedded.enabled;
    !config.providers.is_empty() || embedded.replay_file.is_some() || is_embedded
}

/// The models that agents can name.
pub(crate) fn models(config: &Config, environment: &Environment) -> Result<ModelRegistry, Failure> {
    let client = http_client::provider_client().context("set up the models")?;
    let mut registry = ModelRegistry::new(client, Arc::new(Catalogue::built_in()));
    for provider in &config.providers {
        let settings = provider.settings(environment);
        let settings = settings.map_err(|error| Failure::configuration(&error))?;
        registry.add_provider(&settings).map_err(|error| Failure::usage(error.to_string()))?;
    }
    let has_default = config.providers.iter().any(|provider| provider.default);
    if let Some(path) = &config.embedded_model.replay_file {
        let replay = ReplayModel::open(path).context("embedded_model.replay_file")?;
        add_model(&mut registry, REPLAY_PROVIDER, "replay", Arc::new(replay), !has_default)?;
        return Ok(registry);
    }
    #[cfg(feature = "embedded-model")]
    let models = EmbeddedModels::new(DEFAULT_MAX_WAITING_CALLS);
    #[cfg(feature = "embedded-model")]
    for (index, (file, path)) in embedded::ready(config, environment)?.into_iter().enumerate() {
        let settings = config.embedded_model.settings(path);
        let model = Arc::new(models.model(settings));
        let is_default = index == 0 && !has_default;
        add_model(&mut registry, embedded::PROVIDER, file.name, model, is_default)?;
    }
    Ok(registry)
}

fn add_model(
    registry: &mut ModelRegistry,
    provider: &str,
    name: &str,
    model: Arc<dyn Model>,
    is_default: bool,
) -> Result<(), Failure> {
    let added = registry.add_model(provider, name, model, is_default);
    added.map_err(|error| Failure::usage(error.to_string()))
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
