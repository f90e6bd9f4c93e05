//! `POST /v1/agents/environments`: refused, because environments here are made with their sessions.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::object::EnvironmentInfo;
use super::templates;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::agents::sessions::check_vaults;
use crate::openai::resource::{Asked, find};
use crate::openai::wire::{At, EnvironmentParams, Validate};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Why there is no environment without a session.
const NOT_ALONE: &str = "would have no session; name it as the 'environment' of \
    POST /v1/agents/sessions, which makes its machine when it is first used";

/// `POST /v1/agents/environments`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentCreateParams {
    environment: EnvironmentParams,
    #[serde(default)]
    vault_ids: Option<Vec<String>>,
}

impl Validate for EnvironmentCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let environment = at.field("environment");
        match &self.environment {
            EnvironmentParams::Hosted(_) => self.environment.validate(&environment),
            EnvironmentParams::None(_) | EnvironmentParams::SelfHosted(_) => {
                Err(environment.field("type").invalid("is not \"openai_hosted\""))
            }
        }
    }
}

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc = Doc::new("createEnvironment", "Make an environment")
    .answers(schema_of::<EnvironmentInfo>)
    .refuses(&[ErrorCode::NotFound])
    .kept();

/// Answers what is wrong with the request, or where environments are made.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    request: Asked<EnvironmentCreateParams>,
) -> Answer<Json<Value>> {
    let params = request.value;
    let at = At::Root;
    let at = at.field("environment");
    if let EnvironmentParams::Hosted(hosted) = &params.environment
        && let Some(template) = &hosted.environment_template_id
    {
        find(&state, &caller, templates::TEMPLATE, template).await?;
    }
    let vaults = params.vault_ids.unwrap_or_default();
    check_vaults(&state, &caller, vaults).await?;
    Err(at.refuse(ErrorCode::Unsupported, NOT_ALONE).into())
}
