//! Journals, entry by entry: of sessions, and of a day's chat completions.

use mainstay_protocol::{Entry, Seq};
use serde::Deserialize;

use crate::error::ClientError;
use crate::http::{Client, segment};
use crate::object::Page;

/// How many entries are asked for at once.
const PAGE_LIMIT_COUNT: u32 = 100;

/// A day's journal of chat completions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChatJournal {
    /// Its name.
    pub id: String,
    /// The day in UTC, as `2026-01-31`.
    pub day: String,
    /// When it was begun, Unix seconds.
    pub created_at: u64,
}

impl Client {
    /// The entries behind `after`, as many as the server gives at once, oldest first.
    pub async fn journal(&self, session: &str, after: Seq) -> Result<Page<Entry>, ClientError> {
        self.entries(&format!("/v1/agents/sessions/{}/journal", segment(session)?), after).await
    }

    /// The same of a day's chat completions.
    pub async fn chat_journal(
        &self,
        journal: &str,
        after: Seq,
    ) -> Result<Page<Entry>, ClientError> {
        self.entries(&format!("/v1/chat/journals/{}", segment(journal)?), after).await
    }

    /// The days that have a journal of chat completions, newest first, behind one of them.
    pub async fn chat_journals(
        &self,
        after: Option<&str>,
    ) -> Result<Page<ChatJournal>, ClientError> {
        let limit = ("limit".to_owned(), PAGE_LIMIT_COUNT.to_string());
        let after = after.map(|id| ("after".to_owned(), id.to_owned()));
        let query: Vec<_> = std::iter::once(limit).chain(after).collect();
        self.get("/v1/chat/journals", &query).await
    }

    async fn entries(&self, path: &str, after: Seq) -> Result<Page<Entry>, ClientError> {
        let query = [
            ("after".to_owned(), after.to_string()),
            ("limit".to_owned(), PAGE_LIMIT_COUNT.to_string()),
        ];
        self.get(path, &query).await
    }
}
