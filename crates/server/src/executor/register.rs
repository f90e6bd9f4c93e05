//! `POST /cloud/environment/{environment}/direct/register`: an executor asks where to connect.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use mainstay_protocol::ApiError;
use serde::{Deserialize, Serialize};

use super::address::socket_url;
use super::{TRANSPORT, executors, session_of, turned_away};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, Ids};
use crate::openai::wire::{At, Validate};
use crate::state::AppState;

/// `POST …/direct/register`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterParams {
    transport: String,
}

impl Validate for RegisterParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if self.transport == TRANSPORT {
            return Ok(());
        }
        Err(at.field("transport").invalid(format!("is not {TRANSPORT:?}")))
    }
}

/// Where an executor connects.
#[derive(Debug, Serialize)]
pub(crate) struct Registration {
    transport: &'static str,
    environment_id: String,
    registration_id: String,
    url: String,
}

/// Answers an address that is good until another executor registers for the environment.
pub(crate) async fn register(
    State(state): State<AppState>,
    caller: Caller,
    Ids(environment): Ids<String>,
    headers: HeaderMap,
    _request: Checked<RegisterParams>,
) -> Answer<Json<Registration>> {
    let session = session_of(&state, &caller, &environment).await?;
    let registered = executors(&state)?.register(&session).await;
    let registration_id = registered.map_err(|error| turned_away(&error))?;
    let path = format!(
        "/v1/cloud/environment/{environment}/direct/connect?registration_id={registration_id}"
    );
    let url = socket_url(&headers, &path)?;
    Ok(Json(Registration {
        transport: TRANSPORT,
        environment_id: environment,
        registration_id,
        url,
    }))
}
