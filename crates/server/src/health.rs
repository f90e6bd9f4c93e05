//! Whether the server lives, and whether it can work. The only routes without a key.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;

use crate::error::Answer;
use crate::state::AppState;

/// `GET /health`: the process answers.
pub(crate) async fn live(State(state): State<AppState>) -> impl IntoResponse {
    Json(json!({"status": "ok", "version": state.version()}))
}

/// `GET /health/ready`: the store answers too.
pub(crate) async fn ready(State(state): State<AppState>) -> Answer<impl IntoResponse> {
    let health = state.store().health().await?;
    Ok(Json(json!({"status": "ok", "version": state.version(), "store": health.backend})))
}
