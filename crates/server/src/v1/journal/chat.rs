//! `GET /v1/chat/journals/{journal}`: what a day's chat completions were, with the hashes that prove it.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mainstay_protocol::Scope;

use super::chats::day_of;
use super::entries::{self, EntryPage, QUERY};
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::Ids;
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const READ_CHAT: Doc =
    Doc::new("readChatJournal", "A day's chat completions, with the hashes that prove them")
        .query(&[QUERY])
        .answers(schema_of::<EntryPage>)
        .refuses(&[mainstay_protocol::ErrorCode::NotFound])
        .scope(Scope::Admin)
        .extension();

/// Answers entries behind `after`, in order.
pub(crate) async fn read_chat(
    State(state): State<AppState>,
    caller: Caller,
    Ids(journal): Ids<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer<Response> {
    caller.require(Scope::Admin)?;
    let tenant = &caller.0.tenant;
    let unknown = || not_found("journal", &journal);
    let day = day_of(tenant, &journal).ok_or_else(unknown)?;
    let row = state.engine().control().chat_day(tenant, day).await?.ok_or_else(unknown)?;
    Ok(entries::answer(state, row.journal, query.as_deref(), &headers).await?)
}
