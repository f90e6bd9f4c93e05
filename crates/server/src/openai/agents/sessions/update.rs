//! `POST /v1/agents/sessions/{session}`: changes a session's settings; its agent's from the next
//! step on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mainstay_core::agent::AgentDefinition;
use mainstay_core::fact::SpendLimit;
use mainstay_core::session::Command;
use mainstay_core::tool::ToolSpec;
use mainstay_protocol::{ApiError, ErrorCode, Principal};
use mainstay_runtime::Submission;

use super::SessionRows;
use super::create::{review, spend_limit};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, Ids};
use crate::openai::agents::definition::{AgentDraft, updated, with_machine_tools};
use crate::openai::project::SessionExtras;
use crate::openai::wire::{
    AgentSession, At, Patch, SessionAgentUpdate, SessionUpdateParams, SpendControlParams,
};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc =
    Doc::new("updateSession", "Change a session's settings").refuses(&[ErrorCode::ToolUnavailable]);

/// Answers the session with its new settings.
pub(crate) async fn update(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    request: Checked<SessionUpdateParams>,
) -> Answer<Json<AgentSession>> {
    let rows = SessionRows::load(&state, &caller, &session).await?;
    let params = request.value;
    let agent = match params.agent {
        Some(change) => Some(changed_agent(&state, &caller, &rows, change).await?),
        None => None,
    };
    let mut extras = SessionExtras::of(&rows.config.wire);
    extras.prompt_cache_options =
        params.prompt_cache_options.over_option(extras.prompt_cache_options);
    if let Some(asked) = params.review {
        extras.review = review(asked)?;
    }
    let metadata = match params.metadata {
        Patch::Keep => None,
        Patch::Clear => Some(Default::default()),
        Patch::Set(metadata) => Some(metadata),
    };
    let update = Command::Update {
        agent,
        metadata,
        spend_limit: changed_limit(&params.spend_control),
        wire: Some(extras.into_wire()),
    };
    let idempotency = request.idempotency;
    let submission = Submission { caller: caller.clone(), commands: vec![update], idempotency };
    state.engine().submit(&rows.row.id, submission).await?;
    let rows = SessionRows::load(&state, &caller, &session).await?;
    Ok(Json(rows.show(&state).await?))
}

type ChangedAgent = (Arc<AgentDefinition>, Option<Arc<[ToolSpec]>>);

async fn changed_agent(
    state: &AppState,
    caller: &Principal,
    rows: &SessionRows,
    change: SessionAgentUpdate,
) -> Result<ChangedAgent, ApiError> {
    let at = At::Root.field("agent");
    let mut draft = AgentDraft::of(&rows.config.agent);
    draft.change(state, updated(change, &draft), &at)?;
    let mut definition = draft.finish(state, &at)?;
    let spec = rows.config.sandbox.as_ref().map(|sandbox| &sandbox.spec);
    if let Some(spec) = spec {
        with_machine_tools(&mut definition, spec);
    }
    let tools = state.engine().local_tools(&definition, caller, &rows.row.id, spec).await?;
    Ok((Arc::new(definition), tools))
}

fn changed_limit(spend_control: &Patch<SpendControlParams>) -> Option<SpendLimit> {
    match spend_control {
        Patch::Keep => None,
        Patch::Clear => Some(SpendLimit::Unlimited),
        Patch::Set(params) => {
            Some(spend_limit(*params).map_or(SpendLimit::Unlimited, SpendLimit::Microusd))
        }
    }
}
