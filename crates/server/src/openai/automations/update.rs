//! `POST /v1/agents/automations/{automation}`: its name, times and target.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use mainstay_core::resource::{
    AUTOMATION_ACTIVE, AUTOMATION_COMPLETED, AUTOMATION_KIND, AutomationBody, AutomationSchedule,
    AutomationTarget, ResourceRow, automation_task,
};
use mainstay_protocol::{ApiError, ErrorCode, TaskChange};
use mainstay_runtime::{Found, ResourceChange};
use serde_json::Value;

use super::environment::Owner;
use super::object::Automation;
use super::object::{AUTOMATION, show_row};
use super::params::{AutomationUpdateParams, check_schedule, next_run};
use super::target::{resolve, same_target};
use crate::auth::Caller;
use crate::error::Answer;
use crate::executor::remote_url;
use crate::extract::Ids;
use crate::openai::resource::{Asked, body_of, find, to_body};
use crate::openai::wire::At;
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc = Doc::new("updateAutomation", "Change an automation")
    .answers(schema_of::<Automation>)
    .refuses(&[ErrorCode::ToolUnavailable]);

/// Answers the automation as it is now. An invocation that waits is delivered as it was decided.
pub(crate) async fn update(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(automation): Ids<String>,
    headers: HeaderMap,
    request: Asked<AutomationUpdateParams>,
) -> Answer<Json<Value>> {
    find(&state, &caller, AUTOMATION, &automation).await?;
    let Asked { value: mut params, key } = request;
    let owner = Owner {
        engine: state.engine(),
        caller: &caller,
        automation: &automation,
        remote_url: remote_url(&headers),
    };
    let target = match params.target.take() {
        Some(target) => Some(resolve(&state, &owner, target).await?),
        None => None,
    };
    let control = state.engine().control();
    let changed = control.change_resource(&caller, (AUTOMATION_KIND, &automation), key, |found| {
        change(found, &params, target.as_ref(), &owner)
    });
    let row = changed.await?;
    state.engine().automations_changed();
    Ok(Json(show_row(&row)?))
}

fn change(
    found: Found,
    params: &AutomationUpdateParams,
    target: Option<&AutomationTarget>,
    owner: &Owner<'_>,
) -> Result<Option<ResourceChange>, ApiError> {
    let Found { mut row, now_ms } = found;
    let before: AutomationBody = body_of(&row)?;
    let mut body = before.clone();
    if let Some(name) = &params.name {
        body.name.clone_from(name);
    }
    if let Some(metadata) = &params.metadata {
        body.metadata.clone_from(metadata);
    }
    if let Some(target) = target {
        if std::mem::discriminant(target) != std::mem::discriminant(&body.target) {
            let at = At::Root;
            let at = at.field("target");
            let message = "is not the type of the automation's target, which cannot change";
            return Err(at.field("type").invalid(message));
        }
        if !same_target(target, &body.target, owner) {
            body.target = target.clone();
        }
    }
    body.schedule = schedule(&row, &body.schedule, params, now_ms)?;
    let mut tasks = Vec::new();
    if body.schedule != before.schedule && row.status.as_ref() == AUTOMATION_ACTIVE {
        let due_at_ms = next_run(&body.schedule, now_ms)?;
        body.next_run_at_ms = Some(due_at_ms);
        let key = automation_task(AUTOMATION_KIND, &row.tenant, &row.id);
        tasks.push(TaskChange::Put { key, due_at_ms });
    }
    if body == before {
        return Ok(None);
    }
    row.body = to_body(&body);
    Ok(Some(ResourceChange { tasks, ..ResourceChange::of("resource.updated", row) }))
}

/// The schedule after the change, of the type that it has.
fn schedule(
    row: &ResourceRow,
    kept: &AutomationSchedule,
    params: &AutomationUpdateParams,
    now_ms: u64,
) -> Result<AutomationSchedule, ApiError> {
    let at = At::Root;
    let only = |name: &'static str, kind: &str| {
        Err(at.field(name).invalid(format!("is only for automations of the type '{kind}'")))
    };
    let schedule = match kept {
        AutomationSchedule::Periodic { expression, timezone } => {
            if params.run_at.is_some() {
                return only("run_at", "once");
            }
            AutomationSchedule::Periodic {
                expression: params.expression.clone().unwrap_or_else(|| expression.clone()),
                timezone: params.timezone.clone().unwrap_or_else(|| timezone.clone()),
            }
        }
        AutomationSchedule::Once { .. } => {
            if params.expression.is_some() {
                return only("expression", "periodic");
            }
            if params.timezone.is_some() {
                return only("timezone", "periodic");
            }
            let Some(run_at) = params.run_at else { return Ok(kept.clone()) };
            if row.status.as_ref() == AUTOMATION_COMPLETED {
                return Err(at.field("run_at").invalid("cannot change: the time has been"));
            }
            let run_at_ms = run_at.saturating_mul(1_000);
            if run_at_ms <= now_ms {
                return Err(at.field("run_at").invalid(format!("is {run_at}, not a time to come")));
            }
            AutomationSchedule::Once { run_at_ms }
        }
    };
    check_schedule(&at, &schedule)?;
    Ok(schedule)
}
