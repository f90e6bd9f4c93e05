//! `POST /v1/agents`: saves a new agent at revision 1.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{AGENT_REVISIONS, AgentRow};
use mainstay_protocol::{AgentId, ApiError, ErrorCode, Principal, RowKey};
use mainstay_runtime::Idempotency;

use super::definition::{AgentDraft, AgentExtras, created, show_agent};
use super::page::read_row;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, keyed_id};
use crate::openai::wire::{Agent, AgentCreateParams, At};
use crate::openapi::Doc;
use crate::state::{AppState, store_error};

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc = Doc::new("createAgent", "Save an agent");

/// Answers the agent. With an `Idempotency-Key` that made an agent before, answers that agent as it
/// is now.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    request: Checked<AgentCreateParams>,
) -> Answer<Json<Agent>> {
    let Checked { value: params, idempotency, .. } = request;
    let id = match &idempotency {
        Some(key) => AgentId::parse(&keyed_id(AgentId::PREFIX, &caller, key))
            .expect("a prefix and hexadecimal digits are an id"),
        None => AgentId::mint(&mut state.mint()),
    };
    if let Some(key) = &idempotency
        && let Some(known) = created_before(&state, &caller, &id, key).await?
    {
        return Ok(Json(show_agent(&known)));
    }
    let metadata = params.metadata.clone().unwrap_or_default();
    let mut draft = AgentDraft::new(id.clone(), 1, params.model.clone());
    draft.change(&state, created(params), &At::Root)?;
    draft.created_from(idempotency.map(|key| key.body_sha256));
    let now_ms = state.now_ms();
    let row = AgentRow {
        id,
        tenant: caller.tenant.clone(),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        metadata,
        definition: Arc::new(draft.finish(&state, &At::Root)?),
        is_deleted: false,
    };
    let row = state.engine().control().put_agent(&caller, row).await?;
    Ok(Json(show_agent(&row)))
}

async fn created_before(
    state: &AppState,
    caller: &Principal,
    id: &AgentId,
    idempotency: &Idempotency,
) -> Result<Option<AgentRow>, ApiError> {
    let first = RowKey::new(&AGENT_REVISIONS, &[caller.tenant.as_str(), id.as_str(), "0000000001"]);
    let first = state.store().row(&first).await.map_err(|error| store_error(&error))?;
    let Some(first) = first else { return Ok(None) };
    let first: AgentRow = read_row(&first)?;
    if AgentExtras::of(&first.definition).created_from_sha256.as_ref()
        != Some(&idempotency.body_sha256)
    {
        let message =
            "this Idempotency-Key was used with another body; use a new key for a new request";
        return Err(ApiError::new(ErrorCode::IdempotencyConflict, message));
    }
    state.engine().control().agent(&caller.tenant, id).await
}
