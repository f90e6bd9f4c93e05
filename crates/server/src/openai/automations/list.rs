//! `GET /v1/agents/automations`: the caller's automations, by the session they tell if asked.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::resource::{AUTOMATION_KIND, AutomationBody, AutomationTarget, ResourceRow};
use serde_json::Value;

use super::object::Automation;
use super::object::show_row;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::list_of;
use crate::openai::wire::{AutomationListQuery, List};
use crate::openapi::{Doc, PAGE, Param, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listAutomations", "List automations")
    .query(&[PAGE, &[Param::id("session_id", "Only those that tell this session something.")]])
    .answers(schema_of::<List<Automation>>);

/// Answers a page of automations.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Value>>> {
    let query = AutomationListQuery::parse(query.as_deref().unwrap_or_default())?;
    let fits =
        |row: &ResourceRow| query.session_id.as_deref().is_none_or(|session| tells(row, session));
    let page = list_of(&state, &caller, (AUTOMATION_KIND, None), &query.page, fits).await?;
    let automations = page.rows.iter().map(show_row).collect::<Result<_, _>>()?;
    Ok(Json(List::page(automations, page.has_more, |automation: &Value| {
        automation["id"].as_str().unwrap_or_default()
    })))
}

fn tells(row: &ResourceRow, session: &str) -> bool {
    let Ok(body) = row.read::<AutomationBody>() else { return false };
    match body.target {
        AutomationTarget::ExistingSession { session_id, .. } => session_id.as_str() == session,
        AutomationTarget::NewSession(_) => false,
    }
}
