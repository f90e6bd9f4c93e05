//! `POST /v1/agents/import`: an agent under the id that it had elsewhere, at revision 1.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::AgentRow;
use mainstay_protocol::{AgentId, ApiError, ErrorCode, Principal, Scope};

use super::definition::{AgentDraft, created, show_agent};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::{Asked, Import, import_answer};
use crate::openai::wire::{Agent, AgentCreateParams, At};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const IMPORT: Doc = Doc::new("importAgent", "Bring an agent in under an id that it had")
    .scope(Scope::Import)
    .extension()
    .kept();

/// Answers the agent. The same agent brought in again is answered as it is.
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    request: Asked<Import<AgentCreateParams>>,
) -> Answer<Json<Agent>> {
    let Import { id, value } = request.value;
    import_answer(caller, async |caller| bring_in(&state, &caller, &id, value).await).await
}

async fn bring_in(
    state: &AppState,
    caller: &Principal,
    id: &str,
    params: AgentCreateParams,
) -> Result<Agent, ApiError> {
    let at = At::Root;
    let id = AgentId::parse(id).map_err(|error| at.field("id").invalid(error))?;
    let metadata = params.metadata.clone().unwrap_or_default();
    let mut draft = AgentDraft::new(id.clone(), 1, params.model.clone());
    draft.change(state, created(params), &at)?;
    let definition = Arc::new(draft.finish(state, &at)?);
    let control = state.engine().control();
    if let Some(taken) = control.agent(&caller.tenant, &id).await? {
        let is_same =
            !taken.is_deleted && taken.definition == definition && taken.metadata == metadata;
        return if is_same {
            Ok(show_agent(&taken))
        } else {
            let message =
                format!("the id {:?} is taken by another agent; nothing was changed", id.as_str());
            Err(ApiError::new(ErrorCode::Conflict, message).with_param("id"))
        };
    }
    let now_ms = state.now_ms();
    let row = AgentRow {
        id,
        tenant: caller.tenant.clone(),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        metadata,
        definition,
        is_deleted: false,
    };
    Ok(show_agent(&control.put_agent(caller, row).await?))
}
