//! `POST /v1/agents/automations/{automation}/pause`: its times pass.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{
    AUTOMATION_ACTIVE, AUTOMATION_COMPLETED, AUTOMATION_KIND, AUTOMATION_PAUSED, AutomationBody,
    automation_task,
};
use mainstay_protocol::{ApiError, ErrorCode, TaskChange};
use mainstay_runtime::ResourceChange;
use serde_json::Value;

use super::object::Automation;
use super::object::{AUTOMATION, show_row};
use crate::auth::Caller;
use crate::error::{Answer, Failure};
use crate::extract::Ids;
use crate::openai::resource::{Asked, Nothing, body_of, find, to_body};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const PAUSE: Doc =
    Doc::new("pauseAutomation", "Let an automation's times pass").answers(schema_of::<Automation>);

/// Answers the automation, paused. Pausing a paused one changes nothing.
pub(crate) async fn pause(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(automation): Ids<String>,
    request: Asked<Nothing>,
) -> Answer<Json<Value>> {
    find(&state, &caller, AUTOMATION, &automation).await?;
    let control = state.engine().control();
    let target = (AUTOMATION_KIND, automation.as_str());
    let changed = control.change_resource(&caller, target, request.key, |found| {
        let mut row = found.row;
        check_unfinished(&row.status)?;
        if row.status.as_ref() != AUTOMATION_ACTIVE {
            return Ok(None);
        }
        let mut body: AutomationBody = body_of(&row)?;
        body.next_run_at_ms = None;
        row.status = AUTOMATION_PAUSED.into();
        row.body = to_body(&body);
        let key = automation_task(AUTOMATION_KIND, &row.tenant, &row.id);
        let tasks = vec![TaskChange::Delete { key }];
        Ok(Some(ResourceChange { tasks, ..ResourceChange::of("automation.paused", row) }))
    });
    Ok(Json(show_row(&changed.await.map_err(refused)?)?))
}

/// Refuses to pause or resume what has no further time.
pub(super) fn check_unfinished(status: &str) -> Result<(), ApiError> {
    if status != AUTOMATION_COMPLETED {
        return Ok(());
    }
    let message = "the automation is completed: its only time has been";
    Err(ApiError::new(ErrorCode::Conflict, message))
}

/// A completed automation stays completed however often one asks.
pub(super) fn refused(error: ApiError) -> Failure {
    if error.code == ErrorCode::Conflict { Failure::is_final(error) } else { error.into() }
}
