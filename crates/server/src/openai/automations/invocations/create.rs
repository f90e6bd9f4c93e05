//! `POST …/invocations`: runs an automation now, whatever its schedule and status.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{
    AUTOMATION_KIND, INVOCATION_KIND, INVOCATION_QUEUED, automation_task,
};
use mainstay_protocol::{InvocationId, TaskChange};
use mainstay_runtime::NewResource;
use serde_json::Value;

use super::object::Invocation;
use super::object::{new_body, show_row};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::automations::AUTOMATION;
use crate::openai::resource::{Asked, Nothing, find, to_body};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc =
    Doc::new("createInvocation", "Run an automation now").answers(schema_of::<Invocation>);

/// Answers the invocation, queued: it is durable, and delivered from there.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(automation): Ids<String>,
    request: Asked<Nothing>,
) -> Answer<Json<Value>> {
    let row = find(&state, &caller, AUTOMATION, &automation).await?;
    let id = InvocationId::mint(&mut state.mint()).to_string();
    let key = automation_task(INVOCATION_KIND, &caller.tenant, &id);
    let new = NewResource {
        kind: INVOCATION_KIND,
        id,
        parent: Some((AUTOMATION_KIND, automation)),
        status: INVOCATION_QUEUED,
        created_at_ms: None,
        body: to_body(&new_body(&row)?),
        tasks: vec![TaskChange::Put { key, due_at_ms: state.now_ms() }],
    };
    let control = state.engine().control();
    let row = control.create_resource(&caller, new, request.key, None).await?;
    state.engine().automations_changed();
    Ok(Json(show_row(&row)?))
}
