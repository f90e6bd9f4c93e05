//! Keys: made, revoked, looked up by the hash of a bearer's secret or of a signing key's id.
//!
//! Invariant: a revoked key is not in memory any more when its revocation is acknowledged. A sealed
//! secret is in its row alone, and leaves it when the key is revoked.

use std::collections::HashMap;

use mainstay_core::port::{Seals, SecretText};
use mainstay_core::resource::{KEYS, KeyKind, KeyRow, Sealed, access_key_hash, key_sealed_for};
use mainstay_core::session::millis_column;
use mainstay_protocol::{
    ApiError, ErrorCode, KeyId, Principal, Row, RowChange, RowKey, TenantId, sha256_hex,
};
use mainstay_store::{Direction, RowScan};

use super::{Control, PAGE_LIMIT_COUNT, parse};
use crate::engine::api_error;

/// How many keys are kept in memory.
const KEY_CACHE_LIMIT_COUNT: usize = 4096;

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
        let rows = self.key_rows(&caller.tenant).await?;
        let found = rows.into_iter().find(|(_, row)| &row.id == id && row.revoked_at_ms.is_none());
        let Some((secret_sha256, mut row)) = found else {
            return Err(ApiError::new(ErrorCode::NotFound, format!("key {id} does not exist")));
        };
        row.revoked_at_ms = Some(self.clock.now_ms());
        row.signing_secret = row.signing_secret.map(|_| Sealed(String::new()));
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

pub(super) fn key_row(row: &KeyRow, secret_sha256: &str) -> Row {
    let key = RowKey::new(&KEYS, &[secret_sha256]);
    let created = millis_column(row.created_at_ms);
    Row::new(key, &[("tenant", row.tenant.as_str()), ("created", &created)], row)
}
