//! `POST /v1/agents/automations`: an automation that is active at once.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use mainstay_core::resource::{
    AUTOMATION_ACTIVE, AUTOMATION_KIND, AutomationBody, automation_task,
};
use mainstay_protocol::{ApiError, AutomationId, ErrorCode, Principal, TaskChange};
use mainstay_runtime::NewResource;
use serde_json::Value;

use super::environment::Owner;
use super::object::Automation;
use super::object::show_row;
use super::params::{AutomationCreateParams, next_run};
use super::target::resolve;
use crate::auth::Caller;
use crate::error::Answer;
use crate::executor::remote_url;
use crate::openai::resource::{Asked, to_body};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// The most automations of a tenant.
const MAX_AUTOMATIONS_COUNT: usize = 1_000;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc = Doc::new("createAutomation", "Make an automation")
    .answers(schema_of::<Automation>)
    .refuses(&[ErrorCode::NotFound, ErrorCode::ToolUnavailable]);

/// Answers the automation. One whose only time has passed is due now.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    headers: HeaderMap,
    request: Asked<AutomationCreateParams>,
) -> Answer<Json<Value>> {
    check_room(&state, &caller).await?;
    let id = AutomationId::mint(&mut state.mint()).to_string();
    let owner = Owner {
        engine: state.engine(),
        caller: &caller,
        automation: &id,
        remote_url: remote_url(&headers),
    };
    let (new, _) = new_automation(&state, &owner, request.value).await?;
    let control = state.engine().control();
    let row = control.create_resource(&caller, new, request.key, None).await?;
    state.engine().automations_changed();
    Ok(Json(show_row(&row)?))
}

/// An automation as a request describes it.
pub(super) async fn new_automation(
    state: &AppState,
    owner: &Owner<'_>,
    params: AutomationCreateParams,
) -> Result<(NewResource, AutomationBody), ApiError> {
    let due_at_ms = next_run(&params.schedule, state.now_ms())?;
    let body = AutomationBody {
        name: params.name,
        metadata: params.metadata,
        schedule: params.schedule,
        target: resolve(state, owner, params.target).await?,
        next_run_at_ms: Some(due_at_ms),
        undelivered: None,
        pause_reason: None,
    };
    let key = automation_task(AUTOMATION_KIND, &owner.caller.tenant, owner.automation);
    let new = NewResource {
        kind: AUTOMATION_KIND,
        id: owner.automation.to_owned(),
        parent: None,
        status: AUTOMATION_ACTIVE,
        created_at_ms: None,
        body: to_body(&body),
        tasks: vec![TaskChange::Put { key, due_at_ms }],
    };
    Ok((new, body))
}

/// Refuses more automations than there can be.
pub(super) async fn check_room(state: &AppState, caller: &Principal) -> Result<(), ApiError> {
    let known = state.engine().control().resources(&caller.tenant, AUTOMATION_KIND, None).await?;
    if known.len() < MAX_AUTOMATIONS_COUNT {
        return Ok(());
    }
    let message = format!("there are {MAX_AUTOMATIONS_COUNT} automations, the most there can be");
    Err(ApiError::new(ErrorCode::LimitReached, message))
}
