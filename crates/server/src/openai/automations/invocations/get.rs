//! `GET …/invocations/{invocation}`: one invocation.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::object::Invocation;
use super::object::{find_in, show_row};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc =
    Doc::new("getInvocation", "Read an invocation").answers(schema_of::<Invocation>);

/// Answers the invocation.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((automation, invocation)): Ids<(String, String)>,
) -> Answer<Json<Value>> {
    Ok(Json(show_row(&find_in(&state, &caller, &automation, &invocation).await?)?))
}
