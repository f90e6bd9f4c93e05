//! Machines of this installation, and what they are made with.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use mainstay_adapters::sandbox::egress::{Authority, EgressSettings};
use mainstay_adapters::sandbox::hub::{AgentConnector, Hub, HubParts, Images, LinkParts};
use mainstay_adapters::sandbox::image::ImageFolder;
#[cfg(target_os = "linux")]
use mainstay_adapters::sandbox::microvm::{MicrovmDriver, MicrovmSettings};
#[cfg(target_os = "linux")]
use mainstay_adapters::sandbox::process::{ProcessDriver, ProcessSettings};
use mainstay_adapters::sandbox::{Driver, Image};
use mainstay_adapters::tool::SystemLookup;
use mainstay_core::port::{Blobs, Clock, Entropy, NoSandboxes, Sandboxes};

use crate::config::{Config, Environment, Tier};
use crate::failure::Failure;

/// The program that makes namespaces, where the configuration names none.
pub(crate) const BUBBLEWRAP: &str = "bwrap";

/// The folder of warm machines in the image folder.
const TEMPLATES: &str = "templates";

/// The machines of sessions.
pub(crate) struct Machines {
    pub(crate) port: Arc<dyn Sandboxes>,
    /// None where they are switched off.
    pub(crate) hub: Option<Arc<Hub>>,
}

/// The machines of sessions, found and looked after from now on; a refusal of all where they are
/// switched off.
pub(crate) async fn sandboxes(
    config: &Config,
    environment: &Environment,
    blobs: Arc<dyn Blobs>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Machines, Failure> {
    let compute = &config.compute;
    if compute.tier == Tier::Off {
        let off = "compute.tier is \"off\" in this server's configuration";
        return Ok(Machines { port: Arc::new(NoSandboxes::new(off)), hub: None });
    }
    let settings = compute.settings(&config.data.dir);
    let hosts = compute.private_hosts_allowed.iter().map(|host| host.parse());
    let hosts = hosts.collect::<Result<_, _>>().context("compute.private_hosts_allowed");
    let hosts = hosts.map_err(|error| Failure::configuration(&error))?;
    let authority = Authority::open(&config.data.dir).context("set up the way out of machines")?;
    let lookup = Arc::new(SystemLookup);
    let roots = compute.trusted_certificates_pem();
    let roots = roots.map_err(|error| Failure::configuration(&error))?;
    let authority = Arc::new(authority);
    let egress = EgressSettings::new(hosts, &roots, lookup, authority, Arc::clone(&clock));
    let egress = egress.context("compute.trusted_certificates");
    let egress = Arc::new(egress.map_err(|error| Failure::configuration(&error))?);
    let images = compute.images(environment).map_err(|error| Failure::configuration(&error))?;
    let link = LinkParts { blobs, egress, clock: Arc::clone(&clock), entropy };
    let parts = HubParts {
        drivers: drivers(config, environment)?,
        images: Arc::new(Folder(ImageFolder::new(images))),
        connector: Arc::new(AgentConnector::new(&settings.machines, link)),
        clock,
    };
    let hub = Hub::start(settings, parts).await.context("look for machines")?;
    let hub = Arc::new(hub);
    Ok(Machines { port: hub.clone(), hub: Some(hub) })
}

/// Root images in a folder.
struct Folder(ImageFolder);

impl Images for Folder {
    fn image(&self, name: &str) -> Result<Image, String> {
        self.0.image(name).map_err(|error| error.to_string())
    }
}

/// The drivers that the configuration allows, strongest first.
pub(crate) fn drivers(
    config: &Config,
    environment: &Environment,
) -> Result<Vec<Arc<dyn Driver>>, Failure> {
    let mut drivers: Vec<Arc<dyn Driver>> = Vec::new();
    if matches!(config.compute.tier, Tier::Auto | Tier::Microvm) {
        drivers.extend(microvm(config, environment)?);
    }
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
fn microvm(config: &Config, environment: &Environment) -> Result<Option<Arc<dyn Driver>>, Failure> {
    let images = config.compute.images(environment);
    let images = images.map_err(|error| Failure::configuration(&error))?;
    // Templates are made of images, take as long to make, and serve all data folders.
    let settings = MicrovmSettings {
        bubblewrap: bubblewrap(config),
        ..MicrovmSettings::new(images.join(TEMPLATES), images)
    };
    let settings = settings.or_scratch(config.data.dir.join(TEMPLATES));
    Ok(Some(Arc::new(MicrovmDriver::new(settings))))
}

#[cfg(not(target_os = "linux"))]
fn microvm(_: &Config, _: &Environment) -> Result<Option<Arc<dyn Driver>>, Failure> {
    Ok(None)
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
