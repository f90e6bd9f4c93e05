//! What an automation does, as asked for and as it is kept.
//!
//! Invariant: what a session of an automation cannot be is refused when the automation is set up, by
//! the same rules as when a session is created.

use std::collections::BTreeMap;

use mainstay_core::resource::{AutomationTarget, NewSessionTarget};
use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::environment::Owner;
use crate::extract::session_id;
use crate::openai::agents::sessions::{SessionRows, agent_of, check_vaults, message_content};
use crate::openai::project::SessionExtras;
use crate::openai::wire::{
    At, EnvironmentParams, InputMessage, MAX_INPUT_MESSAGES, MAX_INSTRUCTIONS_CHARS, MAX_VAULTS,
    SessionAgentParams, Validate, check_input, check_line, check_metadata, nested, not_null,
    take_tag, unknown_tag,
};
use crate::openapi::{Given, union};
use crate::state::AppState;

/// What an automation does.
#[derive(Debug, Clone)]
pub(super) enum TargetParams {
    NewSession(Box<NewSessionParams>),
    ExistingSession(ExistingSessionParams),
}

/// A session to make.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSessionParams {
    environment: EnvironmentParams,
    #[schemars(length(min = 1, max = MAX_INPUT_MESSAGES))]
    input: Vec<InputMessage>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<SessionAgentParams>")]
    agent: Option<SessionAgentParams>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<String>")]
    agent_id: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    #[schemars(length(max = MAX_VAULTS))]
    vault_ids: Option<Vec<String>>,
}

/// A session to tell something.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExistingSessionParams {
    session_id: String,
    #[schemars(length(min = 1, max = MAX_INSTRUCTIONS_CHARS))]
    instructions: String,
}

union!(TargetParams by "type" {
    "new_session": NewSessionParams,
    "existing_session": ExistingSessionParams,
});

impl<'de> Deserialize<'de> for TargetParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let tag: String = take_tag(&mut fields, "type")?;
        let rest = Value::Object(fields);
        match tag.as_str() {
            "new_session" => nested(rest).map(|own| Self::NewSession(Box::new(own))),
            "existing_session" => nested(rest).map(Self::ExistingSession),
            other => Err(unknown_tag("type", other, &["new_session", "existing_session"])),
        }
    }
}

impl Validate for TargetParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::ExistingSession(params) => {
                check_line(&at.field("instructions"), &params.instructions, MAX_INSTRUCTIONS_CHARS)
            }
            Self::NewSession(params) => {
                params.environment.validate(&at.field("environment"))?;
                check_input(&at.field("input"), &params.input)?;
                params.agent.validate(&at.field("agent"))?;
                if params.agent.is_some() && params.agent_id.is_some() {
                    let message = "is given beside 'agent'; exactly one of them can be";
                    return Err(at.field("agent_id").invalid(message));
                }
                check_metadata(&at.field("metadata"), params.metadata.as_ref())?;
                let vaults = params.vault_ids.as_ref().map_or(0, Vec::len);
                if vaults > MAX_VAULTS {
                    let message =
                        format!("has {vaults} elements, at most {MAX_VAULTS} are allowed");
                    return Err(at.field("vault_ids").invalid(message));
                }
                Ok(())
            }
        }
    }
}

/// The target as it is kept, if this server can serve it.
pub(super) async fn resolve(
    state: &AppState,
    owner: &Owner<'_>,
    params: TargetParams,
) -> Result<AutomationTarget, ApiError> {
    match params {
        TargetParams::ExistingSession(params) => {
            let session = session_id(&params.session_id)
                .map_err(|error| error.with_param("target.session_id"))?;
            let found = SessionRows::load(state, owner.caller, session.as_str()).await;
            found.map_err(|error| error.with_param("target.session_id"))?;
            let instructions = params.instructions;
            Ok(AutomationTarget::ExistingSession { session_id: session, instructions })
        }
        TargetParams::NewSession(params) => {
            let below = |error: ApiError| match error.param.clone() {
                Some(param) => error.with_param(format!("target.{param}")),
                None => error,
            };
            new_session(state, owner, *params).await.map_err(below)
        }
    }
}

async fn new_session(
    state: &AppState,
    owner: &Owner<'_>,
    params: NewSessionParams,
) -> Result<AutomationTarget, ApiError> {
    let at = At::Root;
    let environment = owner.keep(params.environment, &at.field("environment")).await?;
    let caller = owner.caller;
    let vault_ids = check_vaults(state, caller, params.vault_ids.unwrap_or_default()).await?;
    // A saved agent must be there now, and is taken as it is when a session is made.
    let definition = agent_of(state, caller, params.agent_id.clone(), params.agent).await?;
    let saved = params.agent_id.is_some().then(|| definition.id.clone());
    let extras = SessionExtras { vault_ids: vault_ids.clone(), ..SessionExtras::default() };
    let target = NewSessionTarget {
        agent: saved.is_none().then_some(definition),
        agent_id: saved,
        input: params.input.into_iter().map(message_content).collect(),
        metadata: params.metadata.unwrap_or_default(),
        vault_ids,
        wire: extras.into_wire(),
        environment,
    };
    Ok(AutomationTarget::NewSession(Box::new(target)))
}

/// Whether two targets do the same. An agent of its own has a new id each time it is read.
pub(super) fn same_target(
    one: &AutomationTarget,
    other: &AutomationTarget,
    owner: &Owner<'_>,
) -> bool {
    match (one, other) {
        (AutomationTarget::NewSession(one), AutomationTarget::NewSession(other)) => {
            if !owner.are_same(one.environment.as_ref(), other.environment.as_ref()) {
                return false;
            }
            let mut one = one.clone();
            one.environment.clone_from(&other.environment);
            if let (Some(agent), Some(own)) = (&mut one.agent, &other.agent) {
                agent.id = own.id.clone();
            }
            one == *other
        }
        (one, other) => one == other,
    }
}
