//! `GET /v1/sandboxes/{sandbox}/logs`: what a machine and what keeps it said of themselves.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_protocol::{ApiError, ErrorCode, Scope};
use schemars::JsonSchema;
use serde::Serialize;

use super::find::find;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::wire::{At, Pairs};
use crate::openapi::{Doc, Param};
use crate::state::AppState;

/// What is read of each log when nothing is asked for.
const DEFAULT_LOG_BYTES: u64 = 65_536;
/// The most that is read of each log.
const MAX_LOG_BYTES: u64 = 1_048_576;

/// The logs of a machine.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SandboxLogs {
    object: &'static str,
    data: Vec<LogObject>,
}

/// The end of one log.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SandboxLog")]
struct LogObject {
    /// Where it comes from.
    name: String,
    text: String,
    /// How much before it is left out.
    omitted_bytes: u64,
}

/// Its entry in the document of the API.
pub(crate) const LOGS: Doc = Doc::new("readSandboxLogs", "The ends of a machine's logs")
    .query(&[&[Param::whole("limit_bytes", "The most of each log.", 1, MAX_LOG_BYTES)]])
    .scope(Scope::Admin)
    .extension();

/// Answers the logs that there are.
pub(crate) async fn logs(
    State(state): State<AppState>,
    caller: Caller,
    Ids(sandbox): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<SandboxLogs>> {
    caller.require(Scope::Admin)?;
    let mut pairs = Pairs::parse(query.as_deref().unwrap_or_default())?;
    let limit = pairs.number("limit_bytes")?.unwrap_or(DEFAULT_LOG_BYTES);
    pairs.finish()?;
    if !(1..=MAX_LOG_BYTES).contains(&limit) {
        let at = At::Root;
        let error = at.field("limit_bytes").invalid(format!("is not 1 to {MAX_LOG_BYTES}"));
        return Err(error.into());
    }
    let row = find(&state, &caller.0, &sandbox).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let logs = state.engine().sandboxes().logs(&row.id, limit).await;
    let logs =
        logs.map_err(|error| ApiError::new(ErrorCode::ToolUnavailable, error.to_string()))?;
    let data = logs
        .into_iter()
        .map(|log| LogObject { name: log.name, text: log.text, omitted_bytes: log.omitted_bytes })
        .collect();
    Ok(Json(SandboxLogs { object: "list", data }))
}
