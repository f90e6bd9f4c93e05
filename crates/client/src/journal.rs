//! A session's journal, entry by entry.

use mainstay_protocol::{Entry, Seq};

use crate::error::ClientError;
use crate::http::{Client, segment};
use crate::object::Page;

/// How many entries are asked for at once.
const PAGE_LIMIT_COUNT: u32 = 100;

impl Client {
    /// The entries behind `after`, as many as the server gives at once, oldest first.
    pub async fn journal(&self, session: &str, after: Seq) -> Result<Page<Entry>, ClientError> {
        let query = [
            ("after".to_owned(), after.to_string()),
            ("limit".to_owned(), PAGE_LIMIT_COUNT.to_string()),
        ];
        self.get(&format!("/v1/agents/sessions/{}/journal", segment(session)?), &query).await
    }
}
