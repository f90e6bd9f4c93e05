//! The environment of the sessions that an automation makes: kept as it was asked for, made for each of them.
//!
//! Invariant: what could not be had now is refused when the automation is set up. All of it is sealed, and
//! shown without variables, set-up commands and contents of files. A template is looked up for each session.

use async_trait::async_trait;
use mainstay_core::port::SecretText;
use mainstay_core::resource::{AutomationEnvironment, automation_sealed_for};
use mainstay_protocol::{ApiError, ErrorCode, Principal};
use mainstay_runtime::{Engine, Environments, NewSandbox, SessionDraft};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::openai::agents::definition::with_machine_tools;
use crate::openai::agents::environments::made;
use crate::openai::project::SessionExtras;
use crate::openai::wire::{At, EnvironmentParams, FileParams, HostedParams};

/// What is sealed.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    environment: EnvironmentParams,
    /// What executors of self-hosted environments are started with: the address of the set-up.
    remote_url: String,
}

/// An automation whose environment it is.
pub(super) struct Owner<'a> {
    pub(super) engine: &'a Engine,
    pub(super) caller: &'a Principal,
    pub(super) automation: &'a str,
    pub(super) remote_url: String,
}

impl Owner<'_> {
    /// The environment as it is kept, if its sessions have one.
    pub(super) async fn keep(
        &self,
        environment: EnvironmentParams,
        at: &At<'_>,
    ) -> Result<Option<AutomationEnvironment>, ApiError> {
        let Some(shown) = shown(&environment) else { return Ok(None) };
        let asked = environment.clone();
        made(self.engine, self.caller, asked, || self.remote_url.clone(), at).await?;
        let kept = Kept { environment, remote_url: self.remote_url.clone() };
        let text = serde_json::to_string(&kept).expect("settings have string keys");
        let sealed = self.engine.seals().seal(&self.belongs_to(), &SecretText::from(text));
        let sealed =
            sealed.map_err(|error| at.refuse(ErrorCode::Unsupported, error.to_string()))?;
        Ok(Some(AutomationEnvironment { shown, sealed: Some(sealed) }))
    }

    /// Whether two say the same, which their seals do not tell.
    pub(super) fn are_same(
        &self,
        one: Option<&AutomationEnvironment>,
        other: Option<&AutomationEnvironment>,
    ) -> bool {
        match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => {
                self.open(one).is_some_and(|it| Some(it) == self.open(other))
            }
            _ => false,
        }
    }

    fn open(&self, environment: &AutomationEnvironment) -> Option<Kept> {
        let sealed = environment.sealed.as_ref()?;
        let text = self.engine.seals().open(&self.belongs_to(), sealed).ok()?;
        serde_json::from_str(text.expose()).ok()
    }

    fn belongs_to(&self) -> String {
        automation_sealed_for(&self.caller.tenant, self.automation)
    }
}

/// Makes the machines of automations' sessions.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionEnvironments;

#[async_trait]
impl Environments for SessionEnvironments {
    async fn equip(
        &self,
        engine: &Engine,
        caller: &Principal,
        kept: &SecretText,
        draft: &mut SessionDraft,
    ) -> Result<NewSandbox, ApiError> {
        let shapeless = |what: &dyn std::fmt::Display| {
            ApiError::new(ErrorCode::Internal, format!("the automation's environment: {what}"))
        };
        let kept: Kept = serde_json::from_str(kept.expose()).map_err(|error| shapeless(&error))?;
        let at = At::Root;
        let at = at.field("environment");
        let made = made(engine, caller, kept.environment, || kept.remote_url, &at).await?;
        let made = made.ok_or_else(|| shapeless(&"it has no machine"))?;
        with_machine_tools(&mut draft.agent, &made.sandbox.spec);
        let extras = SessionExtras {
            environment: made.hosted,
            self_hosted: made.self_hosted,
            ..SessionExtras::of(&draft.wire)
        };
        draft.wire = extras.into_wire();
        Ok(made.sandbox)
    }
}

/// An environment without what is confidential; none when it is none.
fn shown(environment: &EnvironmentParams) -> Option<Value> {
    match environment {
        EnvironmentParams::None(_) => None,
        EnvironmentParams::SelfHosted(own) => Some(json!({
            "type": "self_hosted",
            "environment_id": null,
            "workspace_directory": own.workspace_directory,
            "capability_directories": own.capability_directories.as_deref().unwrap_or_default(),
        })),
        EnvironmentParams::Hosted(hosted) => Some(show_hosted(hosted)),
    }
}

/// What was not said is null: it is the template's, or what is usual.
fn show_hosted(hosted: &HostedParams) -> Value {
    let network = hosted.network.as_ref().map(|network| {
        let domains = network.allowed_domains.as_deref().unwrap_or_default();
        json!({"access": network.access, "allowed_domains": domains})
    });
    let packages = hosted.packages.as_ref().map(|packages| {
        let list = |list: &Option<Vec<String>>| json!(list.as_deref().unwrap_or_default());
        json!({
            "npm": list(&packages.npm),
            "python": list(&packages.python),
            "system": list(&packages.system),
        })
    });
    let files =
        hosted.files.as_ref().map(|files| files.iter().map(FileParams::shown).collect::<Vec<_>>());
    let mut shown = json!({
        "type": "openai_hosted",
        "capability_directories": hosted.capability_directories,
        "container_size": hosted.container_size,
        "desktop": hosted.desktop,
        "environment_id": null,
        "environment_template_id": hosted.environment_template_id,
        "files": files,
        "network": network,
        "packages": packages,
        // Refused when they are more than none.
        "plugins": null,
        "skills": null,
    });
    let extensions = [
        ("cpus", json!(hosted.cpus)),
        ("memory", json!(hosted.memory)),
        ("disk", json!(hosted.disk)),
        ("tier", json!(hosted.tier)),
        ("image", json!(hosted.image)),
    ];
    for (name, value) in extensions.into_iter().filter(|(_, value)| !value.is_null()) {
        shown[name] = value;
    }
    shown
}
