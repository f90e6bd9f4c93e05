//! What a key may spend, and what it has spent.
//!
//! Invariant: a call is let through only if what was spent in the period, what is reserved by calls
//! under way and the most that the call can cost fit the limit together. Periods are stretches of UTC;
//! a clock that goes back opens none again.

use mainstay_protocol::RowSpec;
use serde::{Deserialize, Serialize};

use crate::port::{ModelCapabilities, ModelRequest};
use crate::session::item_bytes;

/// What keys with a limit have spent.
pub const KEY_SPENDS: RowSpec =
    RowSpec { name: "key_spends", key: &["tenant", "key"], indexes: &[] };

/// Bytes of text that count as one token where cost is reserved: half of what is usual, so that what
/// is reserved is seldom too little.
pub const SPEND_BYTES_PER_TOKEN: u64 = 2;

/// The highest limit, in US dollars.
pub const MAX_SPEND_LIMIT_USD: f64 = 1_000_000_000.0;

const MICROUSD_PER_USD: u64 = 1_000_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long a limit holds before spending begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendPeriod {
    /// A day of UTC.
    Day,
    /// A month of UTC.
    Month,
    /// For good.
    Total,
}

impl SpendPeriod {
    /// Every period.
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Total];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// When the period of this time ends, in Unix milliseconds; none when it never does.
    #[must_use]
    pub fn ends_at_ms(self, now_ms: u64) -> Option<u64> {
        let day = utc_day(now_ms);
        match self {
            Self::Day => Some((day + 1) * DAY_MS),
            Self::Month => {
                let (year, month, _) = civil(day);
                let end = (day + 1..).find(|day| {
                    let (next_year, next_month, _) = civil(*day);
                    (next_year, next_month) != (year, month)
                });
                end.map(|day| day * DAY_MS)
            }
            Self::Total => None,
        }
    }
}

/// A key's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySpendLimit {
    /// The most that may be spent in a period, in millionths of a US dollar.
    pub limit_microusd: u64,
    /// The period.
    pub period: SpendPeriod,
}

/// What a key has spent since it first had a limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySpend {
    /// The day that `day_microusd` is of, as `2026-01-31`.
    pub day: String,
    /// Spent that day.
    pub day_microusd: u64,
    /// Spent in that day's month.
    pub month_microusd: u64,
    /// Spent at all.
    pub total_microusd: u64,
    /// Reserved by calls under way.
    pub reserved_microusd: u64,
}

/// A call that does not fit a limit any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached {
    /// What is neither spent nor reserved.
    pub left_microusd: u64,
}

impl KeySpend {
    /// As it is at this time: what belongs to periods that are over is forgotten.
    #[must_use]
    pub fn at(mut self, now_ms: u64) -> Self {
        const MONTH_CHARS: usize = 7;
        let today = day_name(utc_day(now_ms));
        if today <= self.day {
            return self;
        }
        if self.day.get(..MONTH_CHARS) != today.get(..MONTH_CHARS) {
            self.month_microusd = 0;
        }
        self.day_microusd = 0;
        self.day = today;
        self
    }

    /// What was spent in the period of its day.
    #[must_use]
    pub fn spent_microusd(&self, period: SpendPeriod) -> u64 {
        match period {
            SpendPeriod::Day => self.day_microusd,
            SpendPeriod::Month => self.month_microusd,
            SpendPeriod::Total => self.total_microusd,
        }
    }

    /// Sets aside the most that a call can cost.
    pub fn reserve(
        &mut self,
        limit: KeySpendLimit,
        most_microusd: u64,
    ) -> Result<(), LimitReached> {
        let spent_microusd = self.spent_microusd(limit.period);
        let taken_microusd = spent_microusd.saturating_add(self.reserved_microusd);
        let left_microusd = limit.limit_microusd.saturating_sub(taken_microusd);
        if spent_microusd >= limit.limit_microusd || most_microusd > left_microusd {
            return Err(LimitReached { left_microusd });
        }
        self.reserved_microusd = self.reserved_microusd.saturating_add(most_microusd);
        Ok(())
    }

    /// What was reserved becomes what the call cost.
    pub fn settle(&mut self, reserved_microusd: u64, cost_microusd: u64) {
        self.reserved_microusd = self.reserved_microusd.saturating_sub(reserved_microusd);
        for spent_microusd in
            [&mut self.day_microusd, &mut self.month_microusd, &mut self.total_microusd]
        {
            *spent_microusd = spent_microusd.saturating_add(cost_microusd);
        }
    }
}

/// The most tokens that a call takes: of its prompt, estimated, and of its answer.
#[must_use]
pub fn most_tokens(request: &ModelRequest, window: ModelCapabilities) -> (u64, u64) {
    let tools = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len());
    let schema = request.response_schema.as_ref().map_or(0, |schema| schema.to_string().len());
    let told = request.instructions.len() + schema + tools.sum::<usize>();
    let items: u64 = request.items.iter().map(|item| item_bytes(item)).sum();
    let input = (items + told as u64).div_ceil(SPEND_BYTES_PER_TOKEN);
    let output = request.options.max_output_tokens.unwrap_or(window.max_output_tokens);
    (input.min(window.context_tokens), output)
}

/// An amount in US dollars, with two decimals at the least.
#[must_use]
pub fn usd(microusd: u64) -> String {
    let parts = format!("{:06}", microusd % MICROUSD_PER_USD);
    let (cents, rest) = parts.split_at(2);
    format!("{}.{cents}{}", microusd / MICROUSD_PER_USD, rest.trim_end_matches('0'))
}

/// An amount in US dollars, to the millionth; 0 below 0.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "amounts of 2^53 millionths are far beyond limits"
)]
pub fn microusd(usd: f64) -> u64 {
    (usd * MICROUSD_PER_USD as f64).round() as u64
}

/// An amount in US dollars, as a number.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "amounts of 2^53 millionths are far beyond limits")]
pub fn as_usd(microusd: u64) -> f64 {
    microusd as f64 / MICROUSD_PER_USD as f64
}

/// The day of a time in UTC, counted from 1970.
#[must_use]
pub fn utc_day(now_ms: u64) -> u64 {
    now_ms / DAY_MS
}

/// A day as `2026-01-31`.
#[must_use]
pub fn day_name(day: u64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a day counted from 1970 (Hinnant's `civil_from_days`).
fn civil(day: u64) -> (u64, u64, u64) {
    // Years begin in March, so that the day that a leap year adds is a year's last.
    const DAYS_BEFORE_1970: u64 = 719_468;
    const DAYS_OF_ERA: u64 = 146_097;
    let days = day + DAYS_BEFORE_1970;
    let (era, of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
#[path = "spend_tests.rs"]
mod tests;
