//! `POST /v1/agents/sessions/{session}/fork`: a session that begins as another one did.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::{ApiError, ErrorCode, Seq};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::{Checked, Ids, turn_id};
use crate::openai::agents::sessions::{SessionRows, find_session, turn_of};
use crate::openai::wire::{AgentSession, At, Validate};
use crate::openapi::Doc;
use crate::state::AppState;

/// The body: where to fork; at the end when neither is named.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ForkParams {
    /// Behind the last entry of this turn.
    turn_id: Option<String>,
    /// Behind this entry.
    #[schemars(range(min = 1))]
    seq: Option<Seq>,
}

impl Validate for ForkParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        if self.turn_id.is_some() && self.seq.is_some() {
            return Err(At::Root.field("seq").invalid("cannot be used together with 'turn_id'"));
        }
        if self.seq == Some(0) {
            return Err(At::Root.field("seq").invalid("is 0; entries count from 1"));
        }
        Ok(())
    }
}

/// Its entry in the document of the API.
pub(crate) const FORK: Doc =
    Doc::new("forkSession", "A session that begins as another one did").extension();

/// Answers the fork. What the original had done is not done again; a turn that was under way at that
/// place ends, one that waited for the client or a person waits in both.
pub(crate) async fn fork(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    request: Checked<ForkParams>,
) -> Answer<Json<AgentSession>> {
    let row = find_session(&state, &caller, &session).await?;
    let Checked { value, idempotency, .. } = request;
    let at = match value {
        ForkParams { turn_id: Some(turn), .. } => {
            let missing = || not_found("turn", &turn).with_param("turn_id");
            let id = turn_id(&turn).map_err(|_| missing())?;
            let turn = turn_of(&state, &row.id, &id).await?.ok_or_else(missing)?;
            Some(turn.last_seq.ok_or_else(|| {
                let message = format!("turn {id} has not ended; name a 'seq', or wait for it");
                ApiError::new(ErrorCode::SessionBusy, message).with_param("turn_id")
            })?)
        }
        ForkParams { seq, .. } => seq,
    };
    let accepted = state.engine().fork(&caller, &row.id, at, None, idempotency).await?;
    let rows = SessionRows::load(&state, &caller, accepted.session.as_str()).await?;
    Ok(Json(rows.show(&state).await?))
}
