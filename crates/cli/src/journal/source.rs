//! Where entries come from.

use std::sync::Arc;

use mainstay_client::Client;
use mainstay_protocol::{Entry, JournalId, Seq};
use mainstay_store::{EntryRange, SqliteStore, Store};

use crate::context::Context;
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::wire;

/// How many entries are read from the store at once.
const PAGE_LIMIT_COUNT: usize = 256;
/// How the journals of chat completions are called, before the tenant and the day.
const CHAT_PREFIX: &str = mainstay_core::chat::CHAT_JOURNAL_PREFIX;
/// How the journals of agents and keys are called, before the tenant.
const CONTROL_PREFIX: &str = "control:";

/// Where entries come from.
pub(crate) enum Source {
    /// A server.
    Server(Client),
    /// The store, which no server holds.
    Store(Arc<SqliteStore>),
}

impl Source {
    /// The server that is meant, or the store when none runs.
    pub(crate) fn open(context: &Context, target: &Target) -> Result<Self, Failure> {
        if let Some(client) = reach::client_if_running(context, target)? {
            return Ok(Self::Server(client));
        }
        let config = context.config(Vec::new())?;
        context.folder()?.require_store()?;
        Ok(Self::Store(wire::store(&config)?))
    }

    /// Hands every entry of a journal to `take`, in order, and says how many there were.
    pub(crate) async fn read(
        &self,
        journal: &str,
        mut take: impl FnMut(Entry) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let mut at: Seq = 0;
        let mut count = 0;
        loop {
            let (page, has_more) = self.page(journal, at).await?;
            for entry in page {
                at = entry.seq;
                count += 1;
                take(entry)?;
            }
            if !has_more {
                break;
            }
        }
        if count == 0 {
            return Err(Failure::new(format!("there is no journal {journal}")));
        }
        Ok(count)
    }

    async fn page(&self, journal: &str, after: Seq) -> Result<(Vec<Entry>, bool), Failure> {
        match self {
            Self::Server(client) => {
                if journal.starts_with(CONTROL_PREFIX) {
                    return Err(Failure::new(format!("a server does not show {journal}"))
                        .hint("stop the server, then the command reads its data folder"));
                }
                let page = if journal.starts_with(CHAT_PREFIX) {
                    client.chat_journal(journal, after).await?
                } else {
                    client.journal(journal, after).await?
                };
                Ok((page.data, page.has_more))
            }
            Self::Store(store) => {
                let range = EntryRange::following(after, PAGE_LIMIT_COUNT);
                let id: JournalId = journal.into();
                let page = store.entries(&id, range).await;
                let page = page.map_err(|error| wire::store_failure(&error))?;
                let has_more = page.len() == PAGE_LIMIT_COUNT;
                Ok((page, has_more))
            }
        }
    }
}
