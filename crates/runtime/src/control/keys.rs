//! Bearer keys: made, revoked, looked up by the hash of their secret.
//!
//! Invariant: a revoked key is not in memory any more when its revocation is acknowledged.

use std::collections::HashMap;

use mainstay_core::resource::{KEYS, KeyRow};
use mainstay_core::session::millis_column;
use mainstay_protocol::{ApiError, ErrorCode, KeyId, Principal, Row, RowChange, RowKey, TenantId};
use mainstay_store::{Direction, RowScan};

use super::{Control, PAGE_LIMIT_COUNT, parse};
use crate::engine::api_error;

/// How many keys are kept in memory.
const KEY_CACHE_LIMIT_COUNT: usize = 4096;

impl Control {
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
}

fn key_row(row: &KeyRow, secret_sha256: &str) -> Row {
    let key = RowKey::new(&KEYS, &[secret_sha256]);
    let created = millis_column(row.created_at_ms);
    Row::new(key, &[("tenant", row.tenant.as_str()), ("created", &created)], row)
}
