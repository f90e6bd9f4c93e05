//! `GET /v1/agents/sessions/{session}/journal`: a session's entries, with the hashes that prove them.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::entries::{self, EntryPage, QUERY};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::find_session;
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const READ: Doc =
    Doc::new("readJournal", "A session's entries, with the hashes that prove them")
        .query(&[QUERY])
        .answers(schema_of::<EntryPage>)
        .extension();

/// Answers entries behind `after`, in order.
pub(crate) async fn read(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer<Response> {
    let row = find_session(&state, &caller, &session).await?;
    let journal = row.id.as_str().into();
    Ok(entries::answer(state, journal, query.as_deref(), &headers).await?)
}
