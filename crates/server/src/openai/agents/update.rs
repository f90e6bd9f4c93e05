//! `POST /v1/agents/{agent}`: changes a saved agent; each change is a new revision.
//!
//! Sessions keep the agent that they were created with.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::definition::{AgentDraft, show_agent};
use super::get::find;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, Ids};
use crate::openai::wire::{Agent, AgentUpdateParams, At};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc =
    Doc::new("updateAgent", "Change a saved agent: a new revision").kept();

/// Answers the agent at its new revision. Repeating the request repeats its result.
pub(crate) async fn update(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(agent): Ids<String>,
    request: Checked<AgentUpdateParams>,
) -> Answer<Json<Agent>> {
    let mut row = find(&state, &caller, &agent).await?;
    let params = request.value;
    row.metadata = params.metadata.clone().over(row.metadata, Default::default());
    let mut draft = AgentDraft::of(&row.definition);
    draft.change(&state, params, &At::Root)?;
    let mut definition = draft.finish(&state, &At::Root)?;
    definition.revision = row.definition.revision + 1;
    row.definition = Arc::new(definition);
    row.updated_at_ms = state.now_ms();
    let row = state.engine().control().put_agent(&caller, row).await?;
    Ok(Json(show_agent(&row)))
}
