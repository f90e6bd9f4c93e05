//! A template, as it is kept and as clients see it.

use std::collections::BTreeMap;

use mainstay_core::port::SecretText;
use mainstay_core::resource::{ResourceRow, Sealed, TEMPLATE_KIND, template_sealed_for};
use mainstay_protocol::{ApiError, ErrorCode, TenantId};
use mainstay_runtime::Engine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::params::TemplateParams;
use crate::openai::resource::{body_of, seconds};
use crate::openai::wire::{
    Desktop, FileParams, HostedNetwork, HostedPackages, HostedParams, HostedPlugin, NetworkAccess,
    NetworkParams, PackagesParams, PluginParams, SetupCommandParams, SkillParams,
};

/// The kind of the resource, and what its refusals call it.
pub(crate) const TEMPLATE: (&str, &str) = (TEMPLATE_KIND, "environment template");
/// Templates have one status.
pub(super) const ACTIVE: &str = "active";

/// What a template is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TemplateBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    capability_directories: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    desktop: Option<Desktop>,
    network: NetworkParams,
    packages: PackagesParams,
    /// What is shown of files, plugins and skills.
    shown: Shown,
    /// The rest, as [`Confidential`].
    confidential: Sealed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shown {
    files: Vec<Value>,
    plugins: Vec<HostedPlugin>,
    skills: Vec<Value>,
}

/// What is never shown.
#[derive(Default, Serialize, Deserialize)]
struct Confidential {
    env: BTreeMap<String, String>,
    files: Vec<FileParams>,
    plugins: Vec<PluginParams>,
    setup_commands: Vec<SetupCommandParams>,
    skills: Vec<SkillParams>,
}

/// Whose template a body belongs to; what is sealed for one opens for no other.
pub(super) struct Owner<'a> {
    pub(super) engine: &'a Engine,
    pub(super) tenant: &'a TenantId,
    pub(super) id: &'a str,
}

impl TemplateBody {
    /// The body after a change; of a new template when there is none before.
    pub(super) fn changed(
        before: Option<Self>,
        params: TemplateParams,
        owner: &Owner<'_>,
    ) -> Result<Self, ApiError> {
        let kept = before.as_ref().map(|body| owner.open(&body.confidential)).transpose()?;
        let kept = kept.unwrap_or_default();
        let before =
            before.map(|b| (b.name, b.capability_directories, b.desktop, b.network, b.packages));
        let (name, directories, desktop, network, packages) = before
            .unwrap_or_else(|| (None, Vec::new(), None, no_network(), PackagesParams::default()));
        let confidential = Confidential {
            env: params.env.over(kept.env, BTreeMap::new()),
            files: params.files.over(kept.files, Vec::new()),
            plugins: params.plugins.over(kept.plugins, Vec::new()),
            setup_commands: params.setup_commands.over(kept.setup_commands, Vec::new()),
            skills: params.skills.over(kept.skills, Vec::new()),
        };
        Ok(Self {
            name: params.name.map(|name| name.trim().to_owned()).over_option(name),
            capability_directories: params.capability_directories.over(directories, Vec::new()),
            desktop: params.desktop.over_option(desktop),
            network: params.network.over(network, no_network()),
            packages: params.packages.over(packages, PackagesParams::default()),
            shown: Shown::of(&confidential),
            confidential: owner.seal(&confidential)?,
        })
    }

    /// The template's settings in the form of an environment's.
    pub(super) fn opened(self, owner: &Owner<'_>) -> Result<HostedParams, ApiError> {
        let open = owner.open(&self.confidential)?;
        Ok(HostedParams {
            capability_directories: Some(self.capability_directories),
            desktop: self.desktop,
            env: Some(open.env),
            files: Some(open.files),
            network: Some(self.network),
            packages: Some(self.packages),
            plugins: Some(open.plugins),
            setup_commands: Some(open.setup_commands),
            skills: Some(open.skills),
            ..HostedParams::default()
        })
    }

    /// Whether another body says the same, which its seal does not tell.
    pub(super) fn says_same(&self, other: &Self, owner: &Owner<'_>) -> Result<bool, ApiError> {
        let plain = |body: &Self| Self { confidential: Sealed(String::new()), ..body.clone() };
        let text = |body: &Self| {
            owner
                .open(&body.confidential)
                .map(|open| serde_json::to_value(open).unwrap_or_default())
        };
        Ok(plain(self) == plain(other) && text(self)? == text(other)?)
    }
}

/// What a machine may reach when nobody says: nothing.
fn no_network() -> NetworkParams {
    NetworkParams { access: NetworkAccess::Disabled, allowed_domains: None, blocked_domains: None }
}

impl Owner<'_> {
    fn belongs_to(&self) -> String {
        template_sealed_for(self.tenant, self.id)
    }

    fn seal(&self, confidential: &Confidential) -> Result<Sealed, ApiError> {
        let text = serde_json::to_string(confidential).map_err(|error| self.broken(&error))?;
        let sealed = self.engine.seals().seal(&self.belongs_to(), &SecretText::from(text));
        sealed.map_err(|error| ApiError::new(ErrorCode::Unsupported, error.to_string()))
    }

    fn open(&self, sealed: &Sealed) -> Result<Confidential, ApiError> {
        let text = self.engine.seals().open(&self.belongs_to(), sealed);
        let text = text.map_err(|error| self.broken(&error))?;
        serde_json::from_str(text.expose()).map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> ApiError {
        let message = format!("the confidential part of template {:?}: {error}", self.id);
        ApiError::new(ErrorCode::Internal, message)
    }
}

impl Shown {
    fn of(confidential: &Confidential) -> Self {
        let skill = |skill: &SkillParams| match skill {
            SkillParams::SkillReference(skill) => {
                json!({"type": "skill_reference", "skill_id": skill.skill_id, "version": skill.version})
            }
            SkillParams::Inline(skill) => {
                json!({"type": "inline", "name": skill.name, "description": skill.description})
            }
        };
        let plugin = |PluginParams::Inline(plugin): &PluginParams| HostedPlugin {
            name: plugin.name.clone(),
            description: plugin.description.clone(),
        };
        Self {
            files: confidential.files.iter().map(FileParams::shown).collect(),
            plugins: confidential.plugins.iter().map(plugin).collect(),
            skills: confidential.skills.iter().map(skill).collect(),
        }
    }
}

/// A template.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Template {
    pub(crate) id: String,
    object: &'static str,
    created_at: u64,
    updated_at: u64,
    name: Option<String>,
    capability_directories: Vec<String>,
    desktop: Option<Desktop>,
    files: Vec<Value>,
    network: HostedNetwork,
    packages: HostedPackages,
    plugins: Vec<HostedPlugin>,
    skills: Vec<Value>,
}

impl Template {
    pub(super) fn of(row: &ResourceRow) -> Result<Self, ApiError> {
        let body: TemplateBody = body_of(row)?;
        Ok(Self {
            id: row.id.clone(),
            object: "agent.environment.template",
            created_at: seconds(row.created_at_ms),
            updated_at: seconds(row.updated_at_ms),
            name: body.name,
            capability_directories: body.capability_directories,
            desktop: body.desktop,
            files: body.shown.files,
            network: HostedNetwork {
                access: body.network.access,
                allowed_domains: body.network.allowed_domains.unwrap_or_default(),
            },
            packages: HostedPackages {
                npm: body.packages.npm.unwrap_or_default(),
                python: body.packages.python.unwrap_or_default(),
                system: body.packages.system.unwrap_or_default(),
            },
            plugins: body.shown.plugins,
            skills: body.shown.skills,
        })
    }
}
