//! Keys: made, limited, revoked, looked up by the hash of a bearer's secret or of a signing key's id.
//!
//! Invariant: a key is not in memory as it was any more when its change or revocation is acknowledged. A sealed
//! secret is in its row alone, and leaves it when the key is revoked.

use std::collections::HashMap;

use mainstay_core::port::{Seals, SecretText};
use mainstay_core::resource::{KEYS, KeyKind, KeyRow, Sealed, access_key_hash, key_sealed_for};
use mainstay_core::session::millis_column;
use mainstay_core::spend::KeySpendLimit;
use mainstay_protocol::{
    ApiError, ErrorCode, KeyId, Principal, Row, RowChange, RowKey, TenantId, sha256_hex,
};
use mainstay_store::{Direction, RowScan};
use serde_json::{Value, json};

use super::{CONFLICT_LIMIT_COUNT, Change, Committed, Control, PAGE_LIMIT_COUNT, contended, parse};
use crate::engine::api_error;

/// How many keys are kept in memory.
const KEY_CACHE_LIMIT_COUNT: usize = 4096;

/// Keys in memory, by the hash of their secret.
#[derive(Default)]
pub(super) struct KeyCache {
    rows: HashMap<String, KeyRow>,
    /// How many keys were changed so far.
    change_count: u64,
}

impl KeyCache {
    /// Keeps a key as it was read when so many had been changed: it may have been changed since.
    fn keep(&mut self, secret_sha256: &str, row: &KeyRow, change_count: u64) {
        if self.change_count != change_count {
            return;
        }
        if self.rows.len() >= KEY_CACHE_LIMIT_COUNT {
            self.rows.clear();
        }
        self.rows.insert(secret_sha256.to_owned(), row.clone());
    }

    fn forget(&mut self, secret_sha256: &str) {
        self.rows.remove(secret_sha256);
        self.change_count += 1;
    }
}

impl Control {
    /// Makes a key that is shown with this secret: a bearer's hash is kept, a signing secret is sealed.
    pub async fn issue_key(
        &self,
        caller: &Principal,
        row: KeyRow,
        kind: KeyKind,
        secret: &str,
        seals: &dyn Seals,
    ) -> Result<KeyRow, ApiError> {
        let (row, hash) = match kind {
            KeyKind::Bearer => (row, sha256_hex(secret.as_bytes())),
            KeyKind::Sigv4 => {
                let text = SecretText::from(secret.to_owned());
                let sealed = seals.seal(&key_sealed_for(&row.tenant, &row.id), &text);
                let sealed = sealed.map_err(|error| {
                    ApiError::new(ErrorCode::Internal, format!("cannot seal the secret: {error}"))
                })?;
                let hash = access_key_hash(row.id.as_str());
                (KeyRow { signing_secret: Some(sealed), ..row }, hash)
            }
        };
        self.create_key(caller, row.clone(), &hash).await?;
        Ok(row)
    }

    /// Keeps a new key under the hash of its secret.
    pub async fn create_key(
        &self,
        caller: &Principal,
        row: KeyRow,
        secret_sha256: &str,
    ) -> Result<(), ApiError> {
        let rows = vec![RowChange::Insert(key_row(&row, secret_sha256))];
        let told = KeyRow { signing_secret: None, ..row };
        self.change(caller, "key.created", &told, rows).await
    }

    /// The signing key with this id, unless it was revoked.
    pub async fn key_by_access_id(&self, id: &str) -> Result<Option<KeyRow>, ApiError> {
        let row = self.key_by_secret(&access_key_hash(id)).await?;
        Ok(row.filter(|row| row.signing_secret.is_some()))
    }

    /// Revokes a key; it opens nothing from now on.
    pub async fn revoke_key(&self, caller: &Principal, id: &KeyId) -> Result<(), ApiError> {
        let revoked_at_ms = Some(self.clock.now_ms());
        let change = |row: &mut KeyRow| {
            row.revoked_at_ms = revoked_at_ms;
            row.signing_secret = row.signing_secret.take().map(|_| Sealed(String::new()));
        };
        self.change_key(caller, id, ("key.revoked", json!({ "id": id })), change).await.map(drop)
    }

    /// Says what a key may spend from now on; without bound when nothing is said.
    pub async fn limit_key(
        &self,
        caller: &Principal,
        id: &KeyId,
        limit: Option<KeySpendLimit>,
    ) -> Result<KeyRow, ApiError> {
        let told = json!({ "id": id, "spend_limit": limit });
        let change = |row: &mut KeyRow| row.spend_limit = limit;
        self.change_key(caller, id, ("key.updated", told), change).await
    }

    /// Changes a key that was not revoked, as it is when nobody else changes anything.
    async fn change_key(
        &self,
        caller: &Principal,
        id: &KeyId,
        (kind, payload): (&'static str, Value),
        mut change: impl FnMut(&mut KeyRow) + Send,
    ) -> Result<KeyRow, ApiError> {
        for _ in 0..CONFLICT_LIMIT_COUNT {
            let head = self.head(&caller.tenant).await?;
            let rows = self.key_rows(&caller.tenant).await?;
            let is_meant = |row: &KeyRow| &row.id == id && row.revoked_at_ms.is_none();
            let found = rows.into_iter().find(|(_, row)| is_meant(row));
            let Some((secret_sha256, mut row)) = found else {
                return Err(ApiError::new(ErrorCode::NotFound, format!("key {id} does not exist")));
            };
            change(&mut row);
            let rows = vec![RowChange::Put(key_row(&row, &secret_sha256))];
            let tasks = Vec::new();
            let changed = Change { kind, payload: payload.clone(), rows, tasks };
            if self.commit(caller, head, changed).await? == Committed::Yes {
                self.cached().forget(&secret_sha256);
                return Ok(row);
            }
        }
        Err(contended())
    }

    /// A tenant's keys, oldest first, revoked ones too.
    pub async fn keys(&self, tenant: &TenantId) -> Result<Vec<KeyRow>, ApiError> {
        Ok(self.key_rows(tenant).await?.into_iter().map(|(_, row)| row).collect())
    }

    /// The key with this secret, unless it was revoked.
    pub async fn key_by_secret(&self, secret_sha256: &str) -> Result<Option<KeyRow>, ApiError> {
        let change_count = {
            let cached = self.cached();
            if let Some(row) = cached.rows.get(secret_sha256) {
                return Ok(Some(row.clone()));
            }
            cached.change_count
        };
        let row: Option<KeyRow> = self.read(RowKey::new(&KEYS, &[secret_sha256])).await?;
        let row = row.filter(|row| row.revoked_at_ms.is_none());
        if let Some(row) = &row {
            self.cached().keep(secret_sha256, row, change_count);
        }
        Ok(row)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, KeyCache> {
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
}

pub(super) fn key_row(row: &KeyRow, secret_sha256: &str) -> Row {
    let key = RowKey::new(&KEYS, &[secret_sha256]);
    let created = millis_column(row.created_at_ms);
    Row::new(key, &[("tenant", row.tenant.as_str()), ("created", &created)], row)
}
