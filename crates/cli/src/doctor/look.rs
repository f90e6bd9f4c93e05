//! Looks.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use mainstay_adapters::sandbox::image::{DEFAULT_IMAGE, ImageFolder};
use mainstay_adapters::sandbox::{Driver, Unusable};

use super::report;
use crate::config::{Config, Environment};
use crate::embedded;
use crate::failure::Failure;
use crate::folder::DataFolder;
use crate::wire;

/// How long one driver may try.
const PROBE_TIMEOUT_S: u64 = 60;

/// What this machine can do with this configuration.
pub(crate) async fn look(
    config: &Config,
    environment: &Environment,
) -> Result<report::Report, Failure> {
    let drivers = wire::compute::drivers(config, environment)?;
    let mut probed = Vec::new();
    for driver in &drivers {
        probed.push(probe(driver).await);
    }
    let image = image(config, environment)?;
    let chosen = probed.iter().find(|driver| driver.works).map(|driver| driver.tier);
    let folder = DataFolder::new(config.data.dir.clone());
    let embedded = embedded::ready(config, environment)?;
    Ok(report::Report {
        version: wire::VERSION,
        compute: report::Compute {
            tier: config.compute.tier,
            chosen: chosen.filter(|_| image.is_present),
            notes: drivers.iter().flat_map(|driver| driver.notes()).collect(),
            drivers: probed,
            image,
        },
        host: host(config).await?,
        data: report::Data {
            has_store: folder.has_store(),
            server: folder.running().map(|running| running.url),
            folder: folder.path().to_owned(),
        },
        models: report::Models {
            providers: config.providers.iter().map(|provider| provider.name.clone()).collect(),
            embedded: embedded.into_iter().map(|(file, _)| file.name).collect(),
            runs_embedded: embedded::IS_BUILT_IN,
        },
    })
}

async fn probe(driver: &Arc<dyn Driver>) -> report::Driver {
    let wait = Duration::from_secs(PROBE_TIMEOUT_S);
    let probed = tokio::time::timeout(wait, driver.probe()).await;
    let probed = probed.unwrap_or_else(|_| {
        Err(Unusable {
            reason: format!("no machine came up within {PROBE_TIMEOUT_S} s"),
            remedy: "try again when the machine has less to do".to_owned(),
        })
    });
    let unusable = probed.err();
    report::Driver {
        name: driver.name(),
        tier: driver.capabilities().tier,
        works: unusable.is_none(),
        reason: unusable.as_ref().map(|unusable| unusable.reason.clone()),
        remedy: unusable.map(|unusable| unusable.remedy),
    }
}

fn image(config: &Config, environment: &Environment) -> Result<report::Image, Failure> {
    let folder = config.compute.images(environment);
    let folder = folder.map_err(|error| Failure::configuration(&error))?;
    let images = ImageFolder::new(folder.clone());
    let found = images.image(DEFAULT_IMAGE);
    // What is wrong with it is said of the image.
    let kernel = images.kernel().ok();
    let (digest, reason) = match found {
        Ok(image) => (Some(image.digest), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(report::Image { folder, is_present: digest.is_some(), digest, reason, kernel })
}

#[cfg(target_os = "linux")]
async fn host(config: &Config) -> Result<Option<serde_json::Value>, Failure> {
    let bubblewrap = wire::compute::bubblewrap(config);
    let facts = tokio::task::spawn_blocking(move || {
        mainstay_adapters::sandbox::process::HostFacts::look(&bubblewrap)
    });
    let facts = facts.await.context("look at the host")?;
    Ok(Some(serde_json::to_value(facts).context("describe the host")?))
}

#[cfg(not(target_os = "linux"))]
async fn host(_: &Config) -> Result<Option<serde_json::Value>, Failure> {
    Ok(None)
}
