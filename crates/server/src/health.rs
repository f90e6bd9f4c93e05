//! Whether the server lives, and whether it can work. The only routes without a key.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::ErrorCode;
use serde_json::{Value, json};

use crate::error::Answer;
use crate::openapi::{Doc, schema_of, shape};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIVE: Doc =
    Doc::new("getHealth", "Whether the process answers").answers(schema_of::<Alive>).extension();

/// `GET /health`: the process answers.
pub(crate) async fn live(State(state): State<AppState>) -> Json<Value> {
    Json(json!({"status": "ok", "version": state.version()}))
}

/// Its entry in the document of the API.
pub(crate) const READY: Doc = Doc::new("getReadiness", "Whether the store answers too")
    .answers(schema_of::<Ready>)
    .refuses(&[ErrorCode::StoreUnavailable])
    .extension();

/// `GET /health/ready`: the store answers too.
pub(crate) async fn ready(State(state): State<AppState>) -> Answer<Json<Value>> {
    let health = state.store().health().await?;
    Ok(Json(json!({"status": "ok", "version": state.version(), "store": health.backend})))
}

shape! {
    /// The server answers.
    Alive = |_| json!({
        "type": "object",
        "required": ["status", "version"],
        "properties": {"status": {"const": "ok"}, "version": {"type": "string"}},
    })
}

shape! {
    /// The store answers too.
    Ready = |_| json!({
        "type": "object",
        "required": ["status", "version", "store"],
        "properties": {
            "status": {"const": "ok"},
            "version": {"type": "string"},
            "store": {"type": "string"},
        },
    })
}
