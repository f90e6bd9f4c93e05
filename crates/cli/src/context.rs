//! What every command is given: the environment, the flags, and what follows from them.

use std::future::Future;
use std::path::PathBuf;

use mainstay_core::port::Clock;
use mainstay_runtime::SystemClock;
use toml::Value;

use crate::args::Global;
use crate::config::{self, Config, Environment, Flags};
use crate::failure::Failure;
use crate::folder::DataFolder;

/// A setting that a flag makes: its path and its value.
pub(crate) type Setting = (&'static [&'static str], Value);

/// What every command is given.
pub(crate) struct Context {
    /// The environment.
    pub(crate) environment: Environment,
    /// The flags that every command takes.
    pub(crate) global: Global,
}

impl Context {
    pub(crate) fn new(environment: Environment, global: Global) -> Self {
        Self { environment, global }
    }

    /// The configuration, with a command's own flags over everything else.
    pub(crate) fn config(&self, own: Vec<Setting>) -> Result<Config, Failure> {
        let mut settings = own;
        if let Some(folder) = &self.global.data_dir {
            let folder = folder.to_string_lossy().into_owned();
            settings.push((&["data", "dir"], Value::String(folder)));
        }
        if let Some(filter) = &self.global.log {
            settings.push((&["log", "filter"], Value::String(filter.clone())));
        }
        config::load(&Flags { config: self.global.config.clone(), settings }, &self.environment)
    }

    /// The configuration file that is read, if there is one.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        config::file(self.global.config.as_deref(), &self.environment)
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> Result<DataFolder, Failure> {
        Ok(DataFolder::new(self.config(Vec::new())?.data.dir))
    }
}

/// Runs a command's asynchronous part to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // A blocking call that hangs (a name server, a terminal) must not keep the process.
    runtime.shutdown_background();
    result
}

/// Waits this long.
pub(crate) async fn pass(wait_ms: u64) {
    let clock = SystemClock;
    clock.sleep_until(clock.now_ms().saturating_add(wait_ms)).await;
}
