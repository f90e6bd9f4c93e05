//! What has journals of chat completions, and what keys have spent: reads alone.

use mainstay_core::chat::{CHAT_DAYS, ChatDayRow};
use mainstay_core::spend::KeySpend;
use mainstay_protocol::{ApiError, KeyId, RowKey, TenantId};
use mainstay_store::{Direction, RowScan};

use super::draft::spend_key;
use crate::control::{Control, parse};
use crate::engine::api_error;

/// Some of the days that have a journal.
#[derive(Debug)]
pub struct ChatDayPage {
    /// The days, in the order that was asked for.
    pub days: Vec<ChatDayRow>,
    /// Whether more follow.
    pub has_more: bool,
}

impl Control {
    /// What a key with a limit has spent, as of now.
    pub async fn key_spend(&self, tenant: &TenantId, key: &KeyId) -> Result<KeySpend, ApiError> {
        let spend: Option<KeySpend> = self.read(spend_key(tenant, key)).await?;
        Ok(spend.unwrap_or_default().at(self.now_ms()))
    }

    /// The day with this name, if a tenant has a journal of it.
    pub async fn chat_day(
        &self,
        tenant: &TenantId,
        day: &str,
    ) -> Result<Option<ChatDayRow>, ApiError> {
        self.read(RowKey::new(&CHAT_DAYS, &[tenant.as_str(), day])).await
    }

    /// The days that have a journal, behind one of them.
    pub async fn chat_days(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        direction: Direction,
        limit_count: usize,
    ) -> Result<ChatDayPage, ApiError> {
        let scan = RowScan {
            spec: CHAT_DAYS.name.into(),
            index: Vec::new(),
            prefix: vec![tenant.as_str().into()],
            after: after.map(|day| RowKey::new(&CHAT_DAYS, &[tenant.as_str(), day])),
            direction,
            limit_count,
        };
        let page = self.store().rows(scan).await.map_err(|error| api_error(&error))?;
        let days = page.rows.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(ChatDayPage { days, has_more: page.has_more })
    }
}
