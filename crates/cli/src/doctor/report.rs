//! The report's shape.

use std::path::PathBuf;

use mainstay_adapters::sandbox::image::KernelInfo;
use mainstay_core::port::SandboxTier;
use serde::Serialize;

use crate::config::Tier;

/// What this machine can do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// Of this binary.
    pub(crate) version: &'static str,
    /// Machines of sessions.
    pub(crate) compute: Compute,
    /// What the host has for them; none where only Linux could say.
    pub(crate) host: Option<serde_json::Value>,
    /// Where data is.
    pub(crate) data: Data,
    /// What answers for a model.
    pub(crate) models: Models,
}

/// Machines of sessions.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Compute {
    /// What the configuration asks for.
    pub(crate) tier: Tier,
    /// What a session gets that does not say; none when it gets no machine.
    pub(crate) chosen: Option<SandboxTier>,
    /// Strongest first; those that the configuration allows.
    pub(crate) drivers: Vec<Driver>,
    /// The root image that machines are made from.
    pub(crate) image: Image,
    /// What is weaker here than it could be.
    pub(crate) notes: Vec<String>,
}

/// What runs machines.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Driver {
    /// Its name.
    pub(crate) name: &'static str,
    /// How it keeps machines apart.
    pub(crate) tier: SandboxTier,
    /// Whether a machine came up.
    pub(crate) works: bool,
    /// Why none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

/// The root image that machines are made from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Image {
    /// Where images are.
    pub(crate) folder: PathBuf,
    /// Whether the one is there that is meant where none is named.
    pub(crate) is_present: bool,
    /// Its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// Why it is not there, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The kernel of microVMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kernel: Option<KernelInfo>,
}

/// Where data is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Data {
    /// The data folder.
    pub(crate) folder: PathBuf,
    /// Whether a store is in it.
    pub(crate) has_store: bool,
    /// Where a server that runs on it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
}

/// What answers for a model.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Models {
    /// Providers by name.
    pub(crate) providers: Vec<String>,
    /// Embedded models whose files are there.
    pub(crate) embedded: Vec<&'static str>,
    /// Whether this binary can run embedded models.
    pub(crate) runs_embedded: bool,
}
