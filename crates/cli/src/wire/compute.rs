//! The drivers of this installation.

use std::path::PathBuf;
use std::sync::Arc;

use mainstay_adapters::sandbox::Driver;
#[cfg(target_os = "linux")]
use mainstay_adapters::sandbox::process::{ProcessDriver, ProcessSettings};

use crate::config::{Config, Tier};
use crate::failure::Failure;

/// The program that makes namespaces, where the configuration names none.
pub(crate) const BUBBLEWRAP: &str = "bwrap";

/// The drivers that the configuration allows, strongest first.
pub(crate) fn drivers(config: &Config) -> Result<Vec<Arc<dyn Driver>>, Failure> {
    let mut drivers: Vec<Arc<dyn Driver>> = Vec::new();
    if matches!(config.compute.tier, Tier::Auto | Tier::Process) {
        drivers.extend(process(config)?);
    }
    Ok(drivers)
}

/// The program that makes namespaces.
pub(crate) fn bubblewrap(config: &Config) -> PathBuf {
    config.compute.bubblewrap.clone().unwrap_or_else(|| PathBuf::from(BUBBLEWRAP))
}

#[cfg(target_os = "linux")]
fn process(config: &Config) -> Result<Option<Arc<dyn Driver>>, Failure> {
    let settings = ProcessSettings {
        bubblewrap: bubblewrap(config),
        first_uid: config.compute.first_uid,
        ..ProcessSettings::new(config.compute.machines(&config.data.dir))
    };
    let driver = ProcessDriver::new(settings).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Some(Arc::new(driver)))
}

#[cfg(not(target_os = "linux"))]
fn process(_: &Config) -> Result<Option<Arc<dyn Driver>>, Failure> {
    Ok(None)
}
