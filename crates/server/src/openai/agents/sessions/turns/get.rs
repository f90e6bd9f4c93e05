//! `GET /v1/agents/sessions/{session}/turns/{turn}`: one turn.

use axum::Json;
use axum::extract::State;
use mainstay_core::session::{SessionRow, TurnRow};
use mainstay_protocol::ApiError;

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::rows::{config, find_turn};
use crate::openai::project::{SessionExtras, show_turn};
use crate::openai::wire::Turn;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getSessionTurn", "Read a turn");

/// Answers the turn as it is now.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, turn)): Ids<(String, String)>,
) -> Answer<Json<Turn>> {
    let (row, turn) = find_turn(&state, &caller, &session, &turn).await?;
    Ok(Json(shown(&state, &row, &turn).await?))
}

/// A turn of a session as it is now.
pub(crate) async fn shown(
    state: &AppState,
    row: &SessionRow,
    turn: &TurnRow,
) -> Result<Turn, ApiError> {
    let extras = SessionExtras::of(&config(state, &row.id).await?.wire);
    Ok(show_turn(turn, extras.prompt_cache_options))
}
