//! `POST /v1/agents/automations/{automation}/resume`: its times count again.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{
    AUTOMATION_ACTIVE, AUTOMATION_KIND, AutomationBody, automation_task,
};
use mainstay_protocol::TaskChange;
use mainstay_runtime::ResourceChange;
use serde_json::Value;

use super::object::Automation;
use super::object::{AUTOMATION, show_row};
use super::params::next_run;
use super::pause::{check_unfinished, refused};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, Nothing, body_of, find, to_body};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const RESUME: Doc = Doc::new("resumeAutomation", "Let an automation's times count")
    .answers(schema_of::<Automation>);

/// Answers the automation, active from its next time on. What runs once and whose time passed while it
/// was paused is due now.
pub(crate) async fn resume(
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
        if row.status.as_ref() == AUTOMATION_ACTIVE {
            return Ok(None);
        }
        let mut body: AutomationBody = body_of(&row)?;
        let due_at_ms = next_run(&body.schedule, found.now_ms)?;
        body.next_run_at_ms = Some(due_at_ms);
        body.pause_reason = None;
        row.status = AUTOMATION_ACTIVE.into();
        row.body = to_body(&body);
        let key = automation_task(AUTOMATION_KIND, &row.tenant, &row.id);
        let tasks = vec![TaskChange::Put { key, due_at_ms }];
        Ok(Some(ResourceChange { tasks, ..ResourceChange::of("automation.resumed", row) }))
    });
    let row = changed.await.map_err(refused)?;
    state.engine().automations_changed();
    Ok(Json(show_row(&row)?))
}
