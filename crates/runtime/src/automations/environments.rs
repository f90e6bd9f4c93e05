//! The machines of sessions that automations make.
//!
//! Invariant: what is sealed of an automation's environment is opened for the one session that is being made.
//! Deliberately absent: what the settings of an environment mean, which the API knows.

use async_trait::async_trait;
use mainstay_core::agent::AgentDefinition;
use mainstay_core::port::SecretText;
use mainstay_core::resource::{AutomationEnvironment, automation_sealed_for};
use mainstay_protocol::{ApiError, ErrorCode, Principal, TenantId};
use serde_json::Value;

use crate::engine::Engine;
use crate::sandbox::NewSandbox;

/// A session that is about to be made.
#[derive(Debug, Clone)]
pub struct SessionDraft {
    /// Its agent.
    pub agent: AgentDefinition,
    /// Its settings of the wire API.
    pub wire: Value,
}

/// Makes machines of what the API kept of environments.
#[async_trait]
pub trait Environments: Send + Sync {
    /// The machine that the kept settings ask for now, with what the session has for it.
    async fn equip(
        &self,
        engine: &Engine,
        caller: &Principal,
        kept: &SecretText,
        draft: &mut SessionDraft,
    ) -> Result<NewSandbox, ApiError>;
}

/// Of an engine whose automations make no machines.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEnvironments;

#[async_trait]
impl Environments for NoEnvironments {
    async fn equip(
        &self,
        _: &Engine,
        _: &Principal,
        _: &SecretText,
        _: &mut SessionDraft,
    ) -> Result<NewSandbox, ApiError> {
        Err(ApiError::new(
            ErrorCode::Unsupported,
            "sessions of automations have no environment here",
        ))
    }
}

/// An environment's settings, opened.
pub(super) fn opened(
    engine: &Engine,
    tenant: &TenantId,
    automation: &str,
    environment: &AutomationEnvironment,
) -> Result<SecretText, ApiError> {
    let unusable = |what: String| {
        ApiError::new(ErrorCode::Internal, format!("the automation's environment: {what}"))
    };
    let sealed = environment.sealed.as_ref();
    let sealed = sealed.ok_or_else(|| unusable("its settings are gone".to_owned()))?;
    let text = engine.seals().open(&automation_sealed_for(tenant, automation), sealed);
    text.map_err(|error| unusable(error.to_string()))
}
