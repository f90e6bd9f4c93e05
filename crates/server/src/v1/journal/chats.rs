//! `GET /v1/chat/journals`: the days that have a journal of chat completions.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::chat::{CHAT_JOURNAL_PREFIX, ChatDayRow};
use mainstay_core::spend::day_name;
use mainstay_protocol::{Scope, TenantId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::agents::page::invalid_cursor;
use crate::openai::project::seconds;
use crate::openai::wire::{List, PageQuery};
use crate::openapi::{Doc, PAGE, Tag};
use crate::state::AppState;

/// A day's journal.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "object", rename = "chat.journal")]
#[schemars(rename = "ChatJournal", transform = Tag("object", "chat.journal"))]
pub(crate) struct ChatJournal {
    id: String,
    /// The day in UTC, as `2026-01-31`.
    day: String,
    created_at: u64,
}

impl From<ChatDayRow> for ChatJournal {
    fn from(row: ChatDayRow) -> Self {
        Self {
            id: row.journal.to_string(),
            day: day_name(row.day),
            created_at: seconds(row.began_at_ms),
        }
    }
}

/// Its entry in the document of the API.
pub(crate) const LIST_CHATS: Doc =
    Doc::new("listChatJournals", "The days that have a journal of chat completions")
        .query(&[PAGE])
        .scope(Scope::Admin)
        .extension();

/// Answers the caller's days.
pub(crate) async fn list_chats(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<ChatJournal>>> {
    caller.require(Scope::Admin)?;
    let tenant = &caller.0.tenant;
    let page = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let day = |id: &str| day_of(tenant, id).map(str::to_owned).ok_or_else(invalid_cursor);
    let after = page.after.as_deref().map(day).transpose()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let control = state.engine().control();
    let found = control.chat_days(tenant, after.as_deref(), page.order.into(), limit).await?;
    let data = found.days.into_iter().map(ChatJournal::from).collect();
    Ok(Json(List::page(data, found.has_more, |journal: &ChatJournal| &journal.id)))
}

/// The day in the id of a tenant's journal.
pub(super) fn day_of<'a>(tenant: &TenantId, journal: &'a str) -> Option<&'a str> {
    let rest = journal.strip_prefix(CHAT_JOURNAL_PREFIX)?;
    rest.strip_prefix(tenant.as_str())?.strip_prefix(':')
}
