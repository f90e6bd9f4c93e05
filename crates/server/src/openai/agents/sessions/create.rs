//! `POST /v1/agents/sessions`: a session, with its first turn if there is input.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use mainstay_core::agent::AgentDefinition;
use mainstay_protocol::{AgentId, ApiError, ErrorCode, Principal};
use mainstay_runtime::{NewSession, NewSessionId};

use super::SessionRows;
use super::events::{Until, message_content, open_stream};
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::executor::remote_url;
use crate::extract::Checked;
use crate::openai::agents::definition::{AgentDraft, overridden, with_machine_tools};
use crate::openai::agents::environments::made;
use crate::openai::project::{FeedPlace, MICROUSD_PER_CENT, SessionExtras};
use crate::openai::resource::find;
use crate::openai::vaults::VAULT;
use crate::openai::wire::{
    AgentSession, At, Event, Review, SessionAgentParams, SessionCreateParams, SpendControlParams,
};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc =
    Doc::new("createSession", "Make a session, with its first turn if there is input")
        .answers(schema_of::<AgentSession>)
        .streams(schema_of::<Event>)
        .refuses(&[ErrorCode::NotFound, ErrorCode::ToolUnavailable]);

/// Answers the session, or with `stream` its events until it rests.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    headers: HeaderMap,
    request: Checked<SessionCreateParams>,
) -> Answer<Response> {
    let Checked { value: params, idempotency, .. } = request;
    let at = At::Root;
    let at = at.field("environment");
    let remote_url = || remote_url(&headers);
    let made = made(state.engine(), &caller, params.environment, remote_url, &at).await?;
    let (sandbox, environment, own) = match made {
        None => (None, None, None),
        Some(made) => (Some(made.sandbox), made.hosted, made.self_hosted),
    };
    let vault_ids = check_vaults(&state, &caller, params.vault_ids.unwrap_or_default()).await?;
    let mut agent = agent_of(&state, &caller, params.agent_id, params.agent).await?;
    if let Some(sandbox) = &sandbox {
        with_machine_tools(&mut agent, &sandbox.spec);
    }
    let extras = SessionExtras {
        prompt_cache_options: params.prompt_cache_options,
        review: review(params.review)?,
        vault_ids,
        environment,
        self_hosted: own,
    };
    let input = params.input.map_or_else(Vec::new, |input| {
        input.into_messages().into_iter().map(message_content).collect()
    });
    let has_input = !input.is_empty();
    let new = NewSession {
        caller: caller.clone(),
        session: NewSessionId::Mint,
        agent,
        metadata: params.metadata.unwrap_or_default(),
        spend_limit_microusd: params.spend_control.and_then(spend_limit),
        sandbox,
        wire: extras.into_wire(),
        input,
        commands: Vec::new(),
        idempotency,
        parent: None,
    };
    let accepted = state.engine().create_session(new).await?;
    let rows = SessionRows::load(&state, &caller, accepted.session.as_str()).await?;
    if !params.stream {
        return Ok(Json(rows.show(&state).await?).into_response());
    }
    let until = if has_input { Until::SessionRests } else { Until::Created };
    Ok(open_stream(&state, &rows, Some(FeedPlace::behind(0)), until).await?)
}

/// Refuses vaults that the caller does not have.
pub(crate) async fn check_vaults(
    state: &AppState,
    caller: &Principal,
    vault_ids: Vec<String>,
) -> Result<Vec<String>, ApiError> {
    let at = At::Root;
    let at = at.field("vault_ids");
    for (index, id) in vault_ids.iter().enumerate() {
        let found = find(state, caller, VAULT, id).await;
        found.map_err(|error| error.with_param(at.index(index).to_string()))?;
    }
    Ok(vault_ids)
}

/// Refuses a review that nobody would make.
pub(super) fn review(asked: Review) -> Result<Review, ApiError> {
    match asked {
        Review::None => Ok(asked),
        Review::AutoReview => {
            let message = "parameter 'review' is 'auto_review', which this server does not offer";
            Err(ApiError::new(ErrorCode::Unsupported, message).with_param("review"))
        }
    }
}

/// A spend limit in millionths of a dollar.
pub(super) fn spend_limit(params: SpendControlParams) -> Option<u64> {
    params.limit.map(|cents| cents * MICROUSD_PER_CENT)
}

/// The session's agent: a saved one, overridden or not, or one of the session alone.
pub(crate) async fn agent_of(
    state: &AppState,
    caller: &Principal,
    agent_id: Option<String>,
    overrides: Option<SessionAgentParams>,
) -> Result<AgentDefinition, ApiError> {
    let overrides = overrides.unwrap_or_default();
    let at = At::Root.field("agent");
    let mut draft = match agent_id {
        Some(id) => AgentDraft::of(&saved_agent(state, caller, &id).await?),
        None => {
            let named = overrides.model.clone().or_else(|| state.default_model());
            let model = named.ok_or_else(|| {
                at.field("model").missing("is missing, and this server has no default model")
            })?;
            AgentDraft::new(AgentId::mint(&mut state.mint()), 0, model)
        }
    };
    draft.change(state, overridden(overrides), &at)?;
    draft.finish(state, &at)
}

async fn saved_agent(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<AgentDefinition, ApiError> {
    let missing = || not_found("agent", id).with_param("agent_id");
    let parsed = AgentId::parse(id).map_err(|_| missing())?;
    let row = state.engine().control().agent(&caller.tenant, &parsed).await?.ok_or_else(missing)?;
    if row.is_deleted {
        let message = format!("agent {id} was deleted; its sessions take no new turns");
        return Err(ApiError::new(ErrorCode::AgentDeleted, message).with_param("agent_id"));
    }
    Ok(row.definition.as_ref().clone())
}
