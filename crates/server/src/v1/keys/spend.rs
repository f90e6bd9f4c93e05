//! What a key may spend and has spent, as its owner reads and writes it: in US dollars.

use mainstay_core::resource::KeyRow;
use mainstay_core::spend::{
    KeySpend, KeySpendLimit, MAX_SPEND_LIMIT_USD, SpendPeriod, as_usd, microusd,
};
use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::openai::project::seconds;
use crate::openai::wire::{At, Validate};
use crate::openapi::shape;
use crate::state::AppState;

/// A limit that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeySpendLimitParams {
    /// US dollars; millionths count.
    #[schemars(range(min = 0, max = MAX_SPEND_LIMIT_USD))]
    limit_usd: f64,
    /// When spending begins anew, in UTC.
    #[schemars(with = "SpendPeriodName")]
    period: SpendPeriod,
}

impl Validate for KeySpendLimitParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if !(0.0..=MAX_SPEND_LIMIT_USD).contains(&self.limit_usd) {
            let message =
                format!("is {}, not 0 to {MAX_SPEND_LIMIT_USD} US dollars", self.limit_usd);
            return Err(at.field("limit_usd").refuse(ErrorCode::InvalidParameter, message));
        }
        Ok(())
    }
}

impl From<KeySpendLimitParams> for KeySpendLimit {
    fn from(params: KeySpendLimitParams) -> Self {
        Self { limit_microusd: microusd(params.limit_usd), period: params.period }
    }
}

/// A key's limit and what is spent of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct KeySpending {
    limit_usd: f64,
    #[schemars(with = "SpendPeriodName")]
    period: SpendPeriod,
    /// Spent in this period.
    spent_usd: f64,
    /// Set aside for answers under way.
    reserved_usd: f64,
    /// When the period ends; null when it never does.
    resets_at: Option<u64>,
}

impl KeySpending {
    /// Of a key as it is now; none of one without a limit.
    pub(super) async fn of(state: &AppState, row: &KeyRow) -> Result<Option<Self>, ApiError> {
        let Some(limit) = row.spend_limit else { return Ok(None) };
        let spend = state.engine().control().key_spend(&row.tenant, &row.id).await?;
        Ok(Some(Self::new(limit, &spend, state.now_ms())))
    }

    fn new(limit: KeySpendLimit, spend: &KeySpend, now_ms: u64) -> Self {
        Self {
            limit_usd: as_usd(limit.limit_microusd),
            period: limit.period,
            spent_usd: as_usd(spend.spent_microusd(limit.period)),
            reserved_usd: as_usd(spend.reserved_microusd),
            resets_at: limit.period.ends_at_ms(now_ms).map(seconds),
        }
    }
}

shape! {
    /// When what was spent is forgotten.
    SpendPeriodName = |_| {
        json!({"type": "string", "enum": SpendPeriod::ALL.map(SpendPeriod::as_str)})
    }
}
