//! `[compute]`

use std::path::{Path, PathBuf};

use anyhow::Context;
use mainstay_adapters::sandbox::hub::{
    HubSettings, MIN_DISK_MIB, MIN_MEMORY_MIB, MIN_PROCESSES, host_memory_mib,
};
use mainstay_runtime::EngineSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::environment::Environment;
use crate::failure::Failure;

/// Machines of sessions, where the configuration says nothing.
const DEFAULT_MAX_MACHINES: usize = 32;
const DEFAULT_MAX_TOTAL_MEMORY_MIB: u64 = 16 * 1024;
const DEFAULT_IDLE_MS: u64 = 5 * 60 * 1000;
const DEFAULT_MAX_MEMORY_IMAGES_MIB: u64 = 4 * 1024;
const DEFAULT_WARM_MACHINES: usize = 1;
const DEFAULT_PARKED_MS: u64 = 24 * 60 * 60 * 1000;
/// The largest environment of the API (`large`) is admitted.
const DEFAULT_MAX_CPUS: u32 = 4;
const DEFAULT_MAX_MEMORY_MIB: u64 = 8 * 1024;
const DEFAULT_MAX_DISK_MIB: u64 = 20 * 1024;
const DEFAULT_MAX_PROCESSES: u32 = 1024;
/// The first user of the process tier's machines. Behind those that systems give to people, services
/// and the machines of other programs.
const DEFAULT_FIRST_UID: u32 = 0x7000_0000;

/// What each certificate in PEM begins with.
const PEM_MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Which isolation machines get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tier {
    /// The strongest that works here.
    #[default]
    Auto,
    /// MicroVMs alone.
    Microvm,
    /// Namespaces of the host's kernel alone.
    Process,
    /// No machines.
    Off,
}

/// Machines that sessions can have of their own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Compute {
    /// The isolation that machines get: `auto` is the strongest that works here, `microvm` and
    /// `process` are that one or none, `off` is no machines. Nothing ever runs unconfined.
    pub(crate) tier: Tier,
    /// The folder of machines' folders; `machines` in the data folder when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) machines: Option<PathBuf>,
    /// Where root images are; `mainstay/images` in the user's folder for caches when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<PathBuf>,
    /// The program that makes namespaces; looked for in the usual folders when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bubblewrap: Option<PathBuf>,
    /// Where Mainstay runs as root, machines of the process tier run as one of 65,536 users from this
    /// number on.
    pub(crate) first_uid: u32,
    /// The most virtual processors of one machine.
    pub(crate) max_cpus: u32,
    /// The most memory of one machine; the host's where it has less.
    pub(crate) max_memory_mib: u64,
    /// The most disk of one machine.
    pub(crate) max_disk_mib: u64,
    /// The most processes at once of one machine.
    pub(crate) max_processes: u32,
    /// The most machines that run at once; idle ones make room.
    pub(crate) max_machines: usize,
    /// The most memory of all machines that run together; the host's where it has less.
    pub(crate) max_total_memory_mib: u64,
    /// After so long without a call a machine is parked.
    pub(crate) idle_ms: u64,
    /// After so long without a call a parked machine whose workspace is saved is removed.
    pub(crate) parked_ms: u64,
    /// How many checkpoints of microVMs have a memory image on this host, the newest first: a machine that
    /// is lost goes on from there with its processes and variables. Each takes some tens of MiB of the
    /// disk, and each end of a turn some hundred milliseconds. None when 0.
    pub(crate) memory_images: usize,
    /// What memory images may take of the disk together.
    pub(crate) max_memory_images_mib: u64,
    /// How many of a session's checkpoints are kept at the least, the newest; at least one is. Older ones go
    /// once they are older than `kept_checkpoints_ms` too: their workspaces cannot be restored or forked
    /// any more. What artifacts are read from stays.
    pub(crate) kept_checkpoints: u32,
    /// How long every checkpoint is kept, however many there are.
    pub(crate) kept_checkpoints_ms: u64,
    /// Machines that are started ahead, of the kinds that sessions had within the last hour, and wait for
    /// the next. They count among the machines that run, and give way to those of sessions.
    pub(crate) warm_machines: usize,
    /// Loopback and private addresses that machines may reach through the proxy, as `host:port` or
    /// `host:*`, where their network rule allows them too. None when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) private_hosts_allowed: Vec<String>,
    /// A file with certificates (PEM) of authorities that vouch for hosts which get machines' secrets,
    /// beside the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trusted_certificates: Option<PathBuf>,
}

impl Default for Compute {
    fn default() -> Self {
        Self {
            tier: Tier::default(),
            machines: None,
            images: None,
            bubblewrap: None,
            first_uid: DEFAULT_FIRST_UID,
            max_cpus: DEFAULT_MAX_CPUS,
            max_memory_mib: DEFAULT_MAX_MEMORY_MIB,
            max_disk_mib: DEFAULT_MAX_DISK_MIB,
            max_processes: DEFAULT_MAX_PROCESSES,
            max_machines: DEFAULT_MAX_MACHINES,
            max_total_memory_mib: DEFAULT_MAX_TOTAL_MEMORY_MIB,
            idle_ms: DEFAULT_IDLE_MS,
            parked_ms: DEFAULT_PARKED_MS,
            memory_images: 0,
            max_memory_images_mib: DEFAULT_MAX_MEMORY_IMAGES_MIB,
            kept_checkpoints: EngineSettings::default().kept_checkpoints,
            kept_checkpoints_ms: EngineSettings::default().kept_checkpoints_ms,
            warm_machines: DEFAULT_WARM_MACHINES,
            private_hosts_allowed: Vec::new(),
            trusted_certificates: None,
        }
    }
}

impl Compute {
    /// Refuses what no machine could be made with.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let leasts = [
            ("max_cpus", 1, self.max_cpus.into()),
            ("max_memory_mib", MIN_MEMORY_MIB, self.max_memory_mib),
            ("max_disk_mib", MIN_DISK_MIB, self.max_disk_mib),
            ("max_processes", MIN_PROCESSES.into(), self.max_processes.into()),
        ];
        for (name, least, value) in leasts {
            if value < least {
                return Err(Failure::usage(format!("compute.{name}: {least} is the least")));
            }
        }
        if self.max_total_memory_mib < self.max_memory_mib {
            return Err(Failure::usage(format!(
                "compute.max_total_memory_mib: {} is less than one machine may have \
                 (compute.max_memory_mib is {})",
                self.max_total_memory_mib, self.max_memory_mib
            )));
        }
        if self.first_uid == 0 || self.first_uid.checked_add(u32::from(u16::MAX)).is_none() {
            return Err(Failure::usage(
                "compute.first_uid: a user above 0 with 65,535 more behind it is needed",
            ));
        }
        match self.max_machines {
            0 => Err(Failure::usage(
                "compute.max_machines: 0 refuses every machine; compute.tier = \"off\" does so with \
                 a reason",
            )),
            _ => Ok(()),
        }
    }

    /// The certificates of further authorities.
    pub(crate) fn trusted_certificates_pem(&self) -> anyhow::Result<Vec<u8>> {
        let Some(path) = &self.trusted_certificates else { return Ok(Vec::new()) };
        let read = std::fs::read(path);
        let pem =
            read.with_context(|| format!("compute.trusted_certificates: {}", path.display()))?;
        let is_certificates = pem.windows(PEM_MARK.len()).any(|window| window == PEM_MARK);
        anyhow::ensure!(
            is_certificates,
            "compute.trusted_certificates: {} has no certificate in PEM",
            path.display()
        );
        Ok(pem)
    }

    /// The folder of machines' folders.
    pub(crate) fn machines(&self, data_dir: &Path) -> PathBuf {
        self.machines.clone().unwrap_or_else(|| data_dir.join("machines"))
    }

    /// The folder of images.
    pub(crate) fn images(&self, environment: &Environment) -> anyhow::Result<PathBuf> {
        let cached = || environment.cache_home().map(|cache| cache.join("mainstay/images"));
        self.images
            .clone()
            .or_else(cached)
            .context("compute.images: there is no folder for images, because HOME is not set")
    }

    /// The settings as the machines take them.
    pub(crate) fn settings(&self, data_dir: &Path) -> HubSettings {
        HubSettings {
            machines: self.machines(data_dir),
            max_machines: self.max_machines,
            max_total_memory_mib: self.max_total_memory_mib,
            host_memory_mib: host_memory_mib(),
            max_cpus: self.max_cpus,
            max_memory_mib: self.max_memory_mib,
            max_disk_mib: self.max_disk_mib,
            max_processes: self.max_processes,
            idle_ms: self.idle_ms,
            parked_ms: self.parked_ms,
            memory_images: self.memory_images,
            max_memory_images_mib: self.max_memory_images_mib,
            warm_machines: self.warm_machines,
        }
    }
}
