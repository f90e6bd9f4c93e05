//! `GET /v1/agents/environments`: the environments of the caller's sessions, by the sessions' age.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::session::{SESSIONS, SessionRow};
use mainstay_protocol::RowKey;

use super::object::{EnvironmentInfo, machines};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::agents::page::{PageScan, invalid_cursor, read_page};
use crate::openai::agents::sessions::session_config;
use crate::openai::project::{SessionExtras, environment_session};
use crate::openai::wire::{EnvironmentListQuery, List};
use crate::openapi::{Doc, PAGE, Param};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listEnvironments", "List environments")
    .query(&[PAGE, &[Param::one_of("type", "Only those of this type.", &["openai_hosted"])]]);

/// Answers a page.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<EnvironmentInfo>>> {
    let query = EnvironmentListQuery::parse(query.as_deref().unwrap_or_default())?;
    let after = match &query.page.after {
        Some(after) => {
            let session = environment_session(after).ok_or_else(invalid_cursor)?;
            Some(RowKey::new(&SESSIONS, &[session.as_str()]))
        }
        None => None,
    };
    let scan = PageScan {
        spec: &SESSIONS,
        index: SESSIONS.indexes[0],
        prefix: &[caller.tenant.as_str()],
        after,
    };
    let has_one = |row: &SessionRow| row.workspace.is_some();
    let page = read_page(state.store(), scan, &query.page, has_one).await?;
    let machines = machines(&state, None).await;
    let mut shown = Vec::with_capacity(page.rows.len());
    for row in &page.rows {
        let extras = SessionExtras::of(&session_config(&state, &row.id).await?.wire);
        shown.push(EnvironmentInfo::of(&state, row, extras, &machines).await);
    }
    Ok(Json(List::page(shown, page.has_more, |environment| &environment.id)))
}
