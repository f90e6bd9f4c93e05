//! The control plane: agents, keys and resources of every other kind, each change with an entry of
//! the tenant's control journal.
//!
//! Invariant: a row of a resource changes only together with an entry that says who changed it, and
//! entries hold no secrets. Writers of one tenant are ordered by the journal's expected position and
//! decide again on conflict, so that no change is lost under another.

mod agents;
mod keys;
mod reseal;
mod resources;

use std::sync::{Arc, Mutex};

use mainstay_core::port::Clock;
use mainstay_core::resource::control_journal;
use mainstay_protocol::{
    ApiError, Entry, EntryDraft, ErrorCode, Hash, JournalId, Principal, Row, RowChange, RowKey,
    Seq, TaskChange, TenantId, canonical_json,
};
use mainstay_store::{Commit, Direction, EntryRange, Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::keys::KeyCache;
pub use self::reseal::Resealed;
pub use self::resources::{Found, IsSame, NewResource, RequestKey, ResourceChange, ResourceWrite};
use crate::engine::{ROW_SPECS, api_error};

/// How often a change is decided again when others write the same control journal.
const CONFLICT_LIMIT_COUNT: u32 = 16;
/// How many rows are read at once.
const PAGE_LIMIT_COUNT: usize = 256;

/// Agents, keys and resources.
pub struct Control {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keys: Mutex<KeyCache>,
}

/// What one commit to a control journal holds besides its place in it.
struct Change {
    kind: &'static str,
    payload: Value,
    rows: Vec<RowChange>,
    tasks: Vec<TaskChange>,
}

impl Control {
    /// The control plane of a store without an engine: nothing runs, no session is taken up.
    pub async fn open(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, ApiError> {
        store.migrate(ROW_SPECS).await.map_err(|error| api_error(&error))?;
        Ok(Self::new(store, clock))
    }

    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, keys: Mutex::default() }
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        key: RowKey,
    ) -> Result<Option<T>, ApiError> {
        let row = self.store.row(&key).await.map_err(|error| api_error(&error))?;
        row.as_ref().map(parse).transpose()
    }

    /// Makes a change that does not depend on what others do meanwhile.
    async fn change<T: Serialize>(
        &self,
        caller: &Principal,
        kind: &'static str,
        payload: &T,
        rows: Vec<RowChange>,
    ) -> Result<(), ApiError> {
        let payload = serde_json::to_value(payload)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        for _ in 0..CONFLICT_LIMIT_COUNT {
            let head = self.head(&caller.tenant).await?;
            let change =
                Change { kind, payload: payload.clone(), rows: rows.clone(), tasks: Vec::new() };
            if self.commit(caller, head, change).await? == Committed::Yes {
                return Ok(());
            }
        }
        Err(contended())
    }

    /// One commit behind `head`, or the news that somebody else was there first.
    async fn commit(
        &self,
        caller: &Principal,
        (seq, hash): (Seq, Hash),
        change: Change,
    ) -> Result<Committed, ApiError> {
        let journal = control_journal(&caller.tenant);
        let payload = canonical_json(&change.payload)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        let draft = EntryDraft { kind: change.kind, version: 1, payload };
        let (at, principal) = (self.clock.now_ms(), caller.id.as_str().into());
        let entry = Entry::seal(draft, &journal, seq + 1, hash, at, &principal, &"".into());
        let commit = Commit {
            journal,
            expected_seq: seq,
            epoch: 0,
            entries: vec![entry],
            rows: change.rows,
            tasks: change.tasks,
            snapshot: None,
            erases: false,
            adopts: None,
            frees: Vec::new(),
        };
        match self.store.commit(commit).await {
            Ok(()) => Ok(Committed::Yes),
            Err(StoreError::Conflict { .. }) => Ok(Committed::Overtaken),
            Err(error) => Err(api_error(&error)),
        }
    }

    async fn head(&self, tenant: &TenantId) -> Result<(Seq, Hash), ApiError> {
        let journal: JournalId = control_journal(tenant);
        let newest =
            EntryRange { after: u64::MAX, direction: Direction::Descending, limit_count: 1 };
        let entries =
            self.store.entries(&journal, newest).await.map_err(|error| api_error(&error))?;
        Ok(entries.first().map_or((0, Hash::ZERO), |entry| (entry.seq, entry.hash)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Committed {
    Yes,
    Overtaken,
}

fn contended() -> ApiError {
    let message = "somebody else changed the same thing at the same time";
    ApiError::new(ErrorCode::Conflict, message)
}

/// A row's document.
pub(crate) fn parse<T: DeserializeOwned>(row: &Row) -> Result<T, ApiError> {
    row.read().map_err(|error| {
        let message = format!("a row of {} does not have its shape: {error}", row.key.spec);
        ApiError::new(ErrorCode::JournalCorrupt, message)
    })
}
