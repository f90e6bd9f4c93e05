//! Plugins and skills of an environment, as asked for.
//!
//! Invariant: the SDK's shapes word for word.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parse::tagged_params;

tagged_params! {
    /// A plugin.
    #[derive(Eq)]
    PluginParams by "type" {
        /// Sent with the request.
        Inline(InlineCapabilityParams) = "inline",
    }
}

tagged_params! {
    /// A skill.
    #[derive(Eq)]
    SkillParams by "type" {
        /// Uploaded before.
        SkillReference(SkillReferenceParams) = "skill_reference",
        /// Sent with the request.
        Inline(InlineCapabilityParams) = "inline",
    }
}

/// A skill or plugin sent with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InlineCapabilityParams {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its archive.
    pub source: ArchiveParams,
}

tagged_params! {
    /// An archive sent with the request.
    #[derive(Eq)]
    ArchiveParams by "type" {
        /// In base 64.
        Base64(Base64Params) = "base64",
    }
}

/// An archive in base 64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Base64Params {
    /// Its content.
    pub data: String,
    /// Its type.
    pub media_type: ArchiveType,
}

/// The type of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ArchiveType {
    /// The only one.
    #[serde(rename = "application/zip")]
    Zip,
}

/// A skill uploaded before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillReferenceParams {
    /// Its id.
    pub skill_id: String,
    /// Its version; the default one when null.
    #[serde(default)]
    pub version: Option<String>,
}
