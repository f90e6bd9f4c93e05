//! `POST /v1/agents/sessions/import`: a session of a bundle.

use axum::Json;
use axum::extract::{RawQuery, Request, State};
use mainstay_protocol::{ApiError, ErrorCode, Scope, SessionId};
use mainstay_runtime::bundle::{MAX_BUNDLE_BYTES, read_bundle};

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::read_whole;
use crate::openai::agents::sessions::SessionRows;
use crate::openai::wire::{AgentSession, Pairs};
use crate::openapi::{Doc, Param};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const IMPORT: Doc = Doc::new("importSession", "Bring in a session of a bundle")
    .query(&[&[Param::flag(
        "keep_id",
        "Whether the session keeps its id; needs the scope `import`.",
    )]])
    .takes_bytes("application/x-tar")
    .refuses(&[ErrorCode::Forbidden])
    .extension();

/// Answers the session. It gets an id of its own, or with `keep_id=true` the one it had, for which
/// the key needs the scope `import`.
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer<Json<AgentSession>> {
    let mut pairs = Pairs::parse(query.as_deref().unwrap_or_default())?;
    let keeps_id = pairs.flag("keep_id")?.unwrap_or_default();
    pairs.finish()?;
    if keeps_id {
        caller.require(Scope::Import)?;
    }
    let Caller(caller) = caller;
    let (parts, body) = request.into_parts();
    let bytes = read_whole(&state, &parts.headers, body, MAX_BUNDLE_BYTES).await?;
    let bundle = read_bundle(&bytes)
        .map_err(|error| ApiError::new(ErrorCode::InvalidParameter, error.to_string()))?;
    let session = match keeps_id {
        true => bundle.manifest.session,
        false => SessionId::mint(&mut state.mint()),
    };
    let (entries, blobs) = (bundle.entries, bundle.blobs);
    let accepted = state.engine().import(&caller, entries, blobs, Some(session)).await?;
    let rows = SessionRows::load(&state, &caller, accepted.session.as_str()).await?;
    Ok(Json(rows.show(&state).await?))
}
