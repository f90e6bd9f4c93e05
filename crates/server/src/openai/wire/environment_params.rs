//! A session's environment, as asked for.
//!
//! Invariant: the SDK's shapes word for word. Deliberately absent: whether this server offers the
//! environment; the door refuses what it cannot provide.

use std::collections::BTreeMap;

use base64::Engine;
use mainstay_core::port::SandboxTier;
use mainstay_protocol::{ApiError, MAX_ID_CHARS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::capability_params::{PluginParams, SkillParams};
use super::limits::{
    MAX_ENVIRONMENT_LIST, MAX_INLINE_CHARS, MAX_LINE_CHARS, count, filled, id, line_map, lines,
    text,
};
use super::parse::tagged_params;
use super::settings::NoFields;
use super::{At, Validate};
use crate::openapi::{Given, shape};

tagged_params! {
    /// A session's environment, as asked for.
    #[derive(Eq)]
    EnvironmentParams by "type" {
        /// No compute.
        None(NoFields) = "none",
        /// Compute of this server.
        Hosted(Box<HostedParams>) = "openai_hosted",
        /// Compute of the client.
        SelfHosted(SelfHostedParams) = "self_hosted",
    }
}

/// The most virtual processors that can be asked for; this installation may have fewer.
const MAX_CPUS: u64 = 256;
/// The least memory and disk that can be asked for, MiB.
const MIN_MIB: u64 = 64;
/// The most memory and disk that can be asked for, MiB.
const MAX_MIB: u64 = 1 << 20;
/// The longest name of an image.
const MAX_IMAGE_CHARS: usize = 128;

/// Compute of this server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostedParams {
    /// Directories of capabilities that the agent sees.
    #[schemars(length(max = MAX_ENVIRONMENT_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub capability_directories: Option<Vec<String>>,
    /// The size of its machine.
    #[serde(deserialize_with = "super::patch::not_null", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Given<ContainerSize>")]
    pub container_size: Option<ContainerSize>,
    /// Its desktop.
    pub desktop: Option<Desktop>,
    /// Environment variables.
    pub env: Option<BTreeMap<String, String>>,
    /// An environment that is ready already.
    #[serde(deserialize_with = "super::patch::not_null", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    pub environment_id: Option<String>,
    /// A template to begin with.
    #[serde(deserialize_with = "super::patch::not_null", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    pub environment_template_id: Option<String>,
    /// Files that are there from the start.
    #[schemars(length(max = MAX_ENVIRONMENT_LIST))]
    pub files: Option<Vec<FileParams>>,
    /// What it may reach.
    pub network: Option<NetworkParams>,
    /// Packages to install.
    pub packages: Option<PackagesParams>,
    /// Plugins.
    #[schemars(length(max = MAX_ENVIRONMENT_LIST))]
    pub plugins: Option<Vec<PluginParams>>,
    /// Commands to run first.
    #[schemars(length(max = MAX_ENVIRONMENT_LIST))]
    pub setup_commands: Option<Vec<SetupCommandParams>>,
    /// Skills.
    #[schemars(length(max = MAX_ENVIRONMENT_LIST))]
    pub skills: Option<Vec<SkillParams>>,
    /// Extension: virtual processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_CPUS))]
    pub cpus: Option<u32>,
    /// Extension: memory, MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = MIN_MIB, max = MAX_MIB))]
    pub memory: Option<u64>,
    /// Extension: disk beside the image, MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = MIN_MIB, max = MAX_MIB))]
    pub disk: Option<u64>,
    /// Extension: how the machine is kept apart; the strongest way that works here when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TierName>")]
    pub tier: Option<SandboxTier>,
    /// Extension: its root image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_IMAGE_CHARS))]
    pub image: Option<String>,
}

shape! {
    /// How a machine is kept apart.
    TierName = |_| {
        json!({"type": "string", "enum": [SandboxTier::Microvm, SandboxTier::Process]})
    }
}

/// The size of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerSize {
    Small,
    Medium,
    Large,
}

/// Whether a machine has a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Desktop {
    /// Whether it has one.
    pub enabled: bool,
}

/// What an environment may reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkAccess {
    /// Everything.
    Enabled,
    /// Nothing.
    #[default]
    Disabled,
    /// What is listed.
    Restricted,
}

/// What an environment may reach, as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkParams {
    /// Everything, nothing or some.
    pub access: NetworkAccess,
    /// The domains that are "some".
    #[serde(default)]
    #[schemars(length(max = MAX_ENVIRONMENT_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub allowed_domains: Option<Vec<String>>,
    /// The domains that are not.
    #[serde(default)]
    #[schemars(length(max = MAX_ENVIRONMENT_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub blocked_domains: Option<Vec<String>>,
}

/// Packages to install.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PackagesParams {
    /// Of npm.
    #[schemars(length(max = MAX_ENVIRONMENT_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub npm: Option<Vec<String>>,
    /// Of Python.
    #[schemars(length(max = MAX_ENVIRONMENT_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub python: Option<Vec<String>>,
    /// Of the operating system.
    #[schemars(length(max = MAX_ENVIRONMENT_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub system: Option<Vec<String>>,
}

tagged_params! {
    /// A file that is there from the start.
    #[derive(Eq)]
    FileParams by "type" {
        /// Uploaded before.
        FileId(FileIdParams) = "file_id",
        /// Sent with the request.
        Inline(InlineFileParams) = "inline",
    }
}

/// A file uploaded before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileIdParams {
    /// Its id among the uploads.
    pub file_id: String,
    /// Where it goes.
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub path: String,
}

/// A file sent with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InlineFileParams {
    /// Its content in base 64.
    #[schemars(length(max = MAX_INLINE_CHARS))]
    pub data: String,
    /// Where it goes.
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub path: String,
}

/// A command to run first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupCommandParams {
    /// The command.
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub command: String,
    /// Where it runs.
    #[serde(default)]
    pub cwd: Option<String>,
}

/// Compute of the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelfHostedParams {
    /// The project's directory in it.
    #[schemars(regex(pattern = "^/"), length(min = 1, max = MAX_LINE_CHARS))]
    pub workspace_directory: String,
    /// Directories of capabilities that the agent sees.
    #[serde(default)]
    #[schemars(length(max = MAX_ENVIRONMENT_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub capability_directories: Option<Vec<String>>,
}

/// The size of what a text in standard base 64 stands for, in bytes; none when it is no such text.
pub(crate) fn decoded_bytes(data: &str) -> Option<u64> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(data).ok()?;
    u64::try_from(decoded.len()).ok()
}

impl FileParams {
    /// What is shown of a file that is asked for: not what is in it.
    pub(crate) fn shown(&self) -> Value {
        match self {
            Self::FileId(file) => {
                json!({"type": "file_id", "file_id": file.file_id, "path": file.path})
            }
            Self::Inline(file) => {
                let size_bytes = decoded_bytes(&file.data).unwrap_or_default();
                json!({"type": "inline", "path": file.path, "size_bytes": size_bytes})
            }
        }
    }
}

impl Validate for EnvironmentParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::None(_) => Ok(()),
            Self::Hosted(hosted) => hosted.validate(at),
            Self::SelfHosted(own) => {
                let directory = at.field("workspace_directory");
                filled(&directory, &own.workspace_directory, MAX_LINE_CHARS)?;
                if !own.workspace_directory.starts_with('/') {
                    return Err(directory.invalid("is not an absolute path"));
                }
                optional_lines(&at.field("capability_directories"), &own.capability_directories)
            }
        }
    }
}

impl Validate for HostedParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(value) = &self.environment_id {
            id(&at.field("environment_id"), value)?;
            if *self != (Self { environment_id: self.environment_id.clone(), ..Self::default() }) {
                return Err(at
                    .field("environment_id")
                    .invalid("cannot be combined with a template or with other settings"));
            }
        }
        if let Some(value) = &self.environment_template_id {
            id(&at.field("environment_template_id"), value)?;
        }
        optional_lines(&at.field("capability_directories"), &self.capability_directories)?;
        if let Some(env) = &self.env {
            line_map(&at.field("env"), env, MAX_ENVIRONMENT_LIST)?;
        }
        at_most(&at.field("files"), self.files.as_deref())?;
        self.files.validate(&at.field("files"))?;
        self.network.validate(&at.field("network"))?;
        self.packages.validate(&at.field("packages"))?;
        at_most(&at.field("plugins"), self.plugins.as_deref())?;
        at_most(&at.field("skills"), self.skills.as_deref())?;
        at_most(&at.field("setup_commands"), self.setup_commands.as_deref())?;
        self.setup_commands.validate(&at.field("setup_commands"))?;
        within(&at.field("cpus"), self.cpus.map(u64::from), 1, MAX_CPUS)?;
        within(&at.field("memory"), self.memory, MIN_MIB, MAX_MIB)?;
        within(&at.field("disk"), self.disk, MIN_MIB, MAX_MIB)?;
        match &self.image {
            Some(image) => filled(&at.field("image"), image, MAX_IMAGE_CHARS),
            None => Ok(()),
        }
    }
}

impl Validate for FileParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let path = match self {
            Self::FileId(file) => &file.path,
            Self::Inline(file) => {
                text(&at.field("data"), &file.data, MAX_INLINE_CHARS)?;
                &file.path
            }
        };
        filled(&at.field("path"), path, MAX_LINE_CHARS)
    }
}

impl Validate for NetworkParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        optional_lines(&at.field("allowed_domains"), &self.allowed_domains)?;
        optional_lines(&at.field("blocked_domains"), &self.blocked_domains)
    }
}

impl Validate for PackagesParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        optional_lines(&at.field("npm"), &self.npm)?;
        optional_lines(&at.field("python"), &self.python)?;
        optional_lines(&at.field("system"), &self.system)
    }
}

impl Validate for SetupCommandParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        filled(&at.field("command"), &self.command, MAX_LINE_CHARS)
    }
}

fn within(at: &At<'_>, value: Option<u64>, least: u64, most: u64) -> Result<(), ApiError> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(at.invalid(format!("is not {least} to {most}")))
        }
        Some(_) | None => Ok(()),
    }
}

fn optional_lines(at: &At<'_>, values: &Option<Vec<String>>) -> Result<(), ApiError> {
    values.as_deref().map_or(Ok(()), |values| lines(at, values, MAX_ENVIRONMENT_LIST))
}

fn at_most<T>(at: &At<'_>, values: Option<&[T]>) -> Result<(), ApiError> {
    values.map_or(Ok(()), |values| count(at, values.len(), MAX_ENVIRONMENT_LIST))
}
