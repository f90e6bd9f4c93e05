//! Requests about templates.

use std::collections::BTreeMap;

use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::openai::wire::{
    At, Desktop, FileParams, HostedParams, NetworkAccess, NetworkParams, PackagesParams, Patch,
    PluginParams, SetupCommandParams, SkillParams, Validate, decoded_bytes,
};

/// The longest name of a template, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// `POST /v1/agents/environments/templates[/{template}]`: what is absent stays as it is, or is the
/// default of a new one; null is the default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TemplateParams {
    #[schemars(length(min = 1, max = MAX_NAME_BYTES))]
    pub(super) name: Patch<String>,
    pub(super) capability_directories: Patch<Vec<String>>,
    pub(super) desktop: Patch<Desktop>,
    pub(super) env: Patch<BTreeMap<String, String>>,
    pub(super) files: Patch<Vec<FileParams>>,
    pub(super) network: Patch<NetworkParams>,
    pub(super) packages: Patch<PackagesParams>,
    pub(super) plugins: Patch<Vec<PluginParams>>,
    pub(super) setup_commands: Patch<Vec<SetupCommandParams>>,
    pub(super) skills: Patch<Vec<SkillParams>>,
}

impl TemplateParams {
    /// The settings that are set, in the form of an environment's.
    fn given(&self) -> HostedParams {
        HostedParams {
            capability_directories: self.capability_directories.as_set().cloned(),
            desktop: self.desktop.as_set().copied(),
            env: self.env.as_set().cloned(),
            files: self.files.as_set().cloned(),
            network: self.network.as_set().cloned(),
            packages: self.packages.as_set().cloned(),
            plugins: self.plugins.as_set().cloned(),
            setup_commands: self.setup_commands.as_set().cloned(),
            skills: self.skills.as_set().cloned(),
            ..HostedParams::default()
        }
    }
}

impl Validate for TemplateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(name) = self.name.as_set()
            && !(1..=MAX_NAME_BYTES).contains(&name.trim().len())
        {
            let message = format!("is not 1 to {MAX_NAME_BYTES} bytes once it is trimmed");
            return Err(at.field("name").invalid(message));
        }
        self.given().validate(at)?;
        if let Some(network) = self.network.as_set() {
            check_network(&at.field("network"), network)?;
        }
        let files = at.field("files");
        for (index, file) in self.files.as_set().into_iter().flatten().enumerate() {
            if let FileParams::Inline(file) = file
                && decoded_bytes(&file.data).is_none()
            {
                return Err(files.index(index).field("data").invalid("is not standard base 64"));
            }
        }
        Ok(())
    }
}

/// Lists of domains belong to restricted access, and one of both says enough.
fn check_network(at: &At<'_>, network: &NetworkParams) -> Result<(), ApiError> {
    let filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let (allowed, blocked) = (filled(&network.allowed_domains), filled(&network.blocked_domains));
    if network.access != NetworkAccess::Restricted && (allowed || blocked) {
        let list = if allowed { "allowed_domains" } else { "blocked_domains" };
        return Err(at.field(list).invalid("belongs to \"access\": \"restricted\""));
    }
    if allowed && blocked {
        return Err(at.field("blocked_domains").invalid("cannot be combined with allowed_domains"));
    }
    Ok(())
}
