//! `GET …/invocations`: an automation's invocations.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::resource::INVOCATION_KIND;
use serde_json::Value;

use super::object::Invocation;
use super::object::show_row;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::automations::AUTOMATION;
use crate::openai::resource::{find, list_of};
use crate::openai::wire::{List, PageQuery};
use crate::openapi::{Doc, PAGE, Param, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listInvocations", "List when an automation ran")
    .query(&[
        PAGE,
        &[Param::one_of(
            "status",
            "Only those of this status.",
            &["queued", "completed", "failed", "skipped"],
        )],
    ])
    .answers(schema_of::<List<Invocation>>);

/// Answers a page of invocations.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(automation): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Value>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    find(&state, &caller, AUTOMATION, &automation).await?;
    let listed = (INVOCATION_KIND, Some(automation.as_str()));
    let page = list_of(&state, &caller, listed, &query, |_| true).await?;
    let invocations = page.rows.iter().map(show_row).collect::<Result<_, _>>()?;
    Ok(Json(List::page(invocations, page.has_more, |invocation: &Value| {
        invocation["id"].as_str().unwrap_or_default()
    })))
}
