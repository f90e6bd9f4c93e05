//! The control plane: agents and keys, each change with an entry of the tenant's control journal.
//!
//! Invariant: a row of a resource changes only together with an entry that says who changed it.
//! Writers of one tenant are ordered by the journal's expected position and try again on conflict.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mainstay_core::port::Clock;
use mainstay_core::resource::{AGENT_REVISIONS, AGENTS, AgentRow, KEYS, KeyRow, control_journal};
use mainstay_core::session::millis_column;
use mainstay_protocol::{
    AgentId, ApiError, Entry, EntryDraft, ErrorCode, Hash, KeyId, Principal, Row, RowChange,
    RowKey, TenantId, canonical_json,
};
use mainstay_store::{Commit, Direction, EntryRange, RowScan, Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::{ROW_SPECS, api_error};

/// How often a change is decided again when others write the same control journal.
const CONFLICT_LIMIT_COUNT: u32 = 16;
/// How many rows are read at once.
const PAGE_LIMIT_COUNT: usize = 256;
/// How many keys are kept in memory.
const KEY_CACHE_LIMIT_COUNT: usize = 4096;

/// Agents and keys.
pub struct Control {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keys: Mutex<HashMap<String, KeyRow>>,
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

    /// Creates an agent, or makes a new revision of it.
    pub async fn put_agent(&self, caller: &Principal, row: AgentRow) -> Result<AgentRow, ApiError> {
        let kind = if row.definition.revision <= 1 { "agent.created" } else { "agent.updated" };
        let revision = format!("{:010}", row.definition.revision);
        let keep =
            RowKey::new(&AGENT_REVISIONS, &[row.tenant.as_str(), row.id.as_str(), &revision]);
        // Two writers of the same revision: the second finds its key taken.
        let rows =
            vec![RowChange::Put(agent_row(&row)), RowChange::Insert(Row::new(keep, &[], &row))];
        self.change(caller, kind, &row, rows).await?;
        Ok(row)
    }

    /// Marks an agent as deleted; its sessions take no new turns.
    pub async fn delete_agent(&self, caller: &Principal, id: &AgentId) -> Result<(), ApiError> {
        let found = self.agent(&caller.tenant, id).await?.filter(|row| !row.is_deleted);
        let Some(mut row) = found else {
            return Err(ApiError::new(ErrorCode::NotFound, format!("agent {id} does not exist")));
        };
        row.is_deleted = true;
        row.updated_at_ms = self.clock.now_ms();
        let rows = vec![RowChange::Put(agent_row(&row))];
        self.change(caller, "agent.deleted", &serde_json::json!({ "id": id }), rows).await
    }

    /// An agent, deleted ones too.
    pub async fn agent(
        &self,
        tenant: &TenantId,
        id: &AgentId,
    ) -> Result<Option<AgentRow>, ApiError> {
        self.read(RowKey::new(&AGENTS, &[tenant.as_str(), id.as_str()])).await
    }

    /// Keeps a new key under the hash of its secret.
    pub async fn create_key(
        &self,
        caller: &Principal,
        row: KeyRow,
        secret_sha256: &str,
    ) -> Result<(), ApiError> {
        let rows = vec![RowChange::Insert(key_row(&row, secret_sha256))];
        self.change(caller, "key.created", &row, rows).await
    }

    /// Revokes a key; it opens nothing from now on.
    pub async fn revoke_key(&self, caller: &Principal, id: &KeyId) -> Result<(), ApiError> {
        let rows = self.key_rows(&caller.tenant).await?;
        let found = rows.into_iter().find(|(_, row)| &row.id == id && row.revoked_at_ms.is_none());
        let Some((secret_sha256, mut row)) = found else {
            return Err(ApiError::new(ErrorCode::NotFound, format!("key {id} does not exist")));
        };
        row.revoked_at_ms = Some(self.clock.now_ms());
        let rows = vec![RowChange::Put(key_row(&row, &secret_sha256))];
        self.change(caller, "key.revoked", &serde_json::json!({ "id": id }), rows).await?;
        self.cached().remove(&secret_sha256);
        Ok(())
    }

    /// A tenant's keys, oldest first, revoked ones too.
    pub async fn keys(&self, tenant: &TenantId) -> Result<Vec<KeyRow>, ApiError> {
        Ok(self.key_rows(tenant).await?.into_iter().map(|(_, row)| row).collect())
    }

    /// The key with this secret, unless it was revoked.
    pub async fn key_by_secret(&self, secret_sha256: &str) -> Result<Option<KeyRow>, ApiError> {
        if let Some(row) = self.cached().get(secret_sha256) {
            return Ok(Some(row.clone()));
        }
        let row: Option<KeyRow> = self.read(RowKey::new(&KEYS, &[secret_sha256])).await?;
        let row = row.filter(|row| row.revoked_at_ms.is_none());
        if let Some(row) = &row {
            let mut keys = self.cached();
            if keys.len() >= KEY_CACHE_LIMIT_COUNT {
                keys.clear();
            }
            keys.insert(secret_sha256.to_owned(), row.clone());
        }
        Ok(row)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, HashMap<String, KeyRow>> {
        self.keys.lock().expect("no code panics while it holds the keys")
    }

    async fn key_rows(&self, tenant: &TenantId) -> Result<Vec<(String, KeyRow)>, ApiError> {
        let mut keys = Vec::new();
        let mut after = None;
        loop {
            let scan = RowScan {
                spec: KEYS.name.into(),
                index: KEYS.indexes[0].iter().map(|column| (*column).into()).collect(),
                prefix: vec![tenant.as_str().into()],
                after,
                direction: Direction::Ascending,
                limit_count: PAGE_LIMIT_COUNT,
            };
            let page = self.store.rows(scan).await.map_err(|error| api_error(&error))?;
            for row in &page.rows {
                keys.push((row.key.values[0].to_string(), parse(row)?));
            }
            if !page.has_more {
                return Ok(keys);
            }
            after = page.rows.last().map(|row| row.key.clone());
        }
    }

    async fn read<T: DeserializeOwned>(&self, key: RowKey) -> Result<Option<T>, ApiError> {
        let row = self.store.row(&key).await.map_err(|error| api_error(&error))?;
        row.as_ref().map(parse).transpose()
    }

    async fn change<T: Serialize>(
        &self,
        caller: &Principal,
        kind: &'static str,
        payload: &T,
        rows: Vec<RowChange>,
    ) -> Result<(), ApiError> {
        let journal = control_journal(&caller.tenant);
        let payload = canonical_json(payload)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        for _ in 0..CONFLICT_LIMIT_COUNT {
            let (seq, hash) = self.head(&journal).await.map_err(|error| api_error(&error))?;
            let draft = EntryDraft { kind, version: 1, payload: payload.clone() };
            let (at, principal) = (self.clock.now_ms(), caller.id.as_str().into());
            let entry = Entry::seal(draft, &journal, seq + 1, hash, at, &principal, &"".into());
            let commit = Commit {
                journal: journal.clone(),
                expected_seq: seq,
                epoch: 0,
                entries: vec![entry],
                rows: rows.clone(),
                tasks: Vec::new(),
                snapshot: None,
                erases: false,
            };
            match self.store.commit(commit).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(api_error(&error)),
            }
        }
        let message = "somebody else changed the same thing at the same time";
        Err(ApiError::new(ErrorCode::Conflict, message))
    }

    async fn head(
        &self,
        journal: &mainstay_protocol::JournalId,
    ) -> Result<(u64, Hash), StoreError> {
        let newest =
            EntryRange { after: u64::MAX, direction: Direction::Descending, limit_count: 1 };
        let entries = self.store.entries(journal, newest).await?;
        Ok(entries.first().map_or((0, Hash::ZERO), |entry| (entry.seq, entry.hash)))
    }
}

fn parse<T: DeserializeOwned>(row: &Row) -> Result<T, ApiError> {
    row.read().map_err(|error| {
        let message = format!("a row of {} does not have its shape: {error}", row.key.spec);
        ApiError::new(ErrorCode::JournalCorrupt, message)
    })
}

fn agent_row(row: &AgentRow) -> Row {
    let key = RowKey::new(&AGENTS, &[row.tenant.as_str(), row.id.as_str()]);
    let created = millis_column(row.created_at_ms);
    Row::new(key, &[("owner", row.tenant.as_str()), ("created", &created)], row)
}

fn key_row(row: &KeyRow, secret_sha256: &str) -> Row {
    let key = RowKey::new(&KEYS, &[secret_sha256]);
    let created = millis_column(row.created_at_ms);
    Row::new(key, &[("tenant", row.tenant.as_str()), ("created", &created)], row)
}
