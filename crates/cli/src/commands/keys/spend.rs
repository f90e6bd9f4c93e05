//! What a key may spend, as the command line takes and shows it.

use mainstay_client::{NewSpendLimit, SpendLimit};
use mainstay_core::resource::KeyRow;
use mainstay_core::spend::{
    KeySpend, KeySpendLimit, MAX_SPEND_LIMIT_USD, SpendPeriod, as_usd, microusd,
};

/// When spending begins anew, beside `--spend-limit`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Period {
    /// When spending begins anew, in UTC: `day`, `month`, or `total` for never
    #[arg(
        long,
        value_name = "PERIOD",
        value_parser = parse_period,
        default_value = "month",
        requires = "spend_limit"
    )]
    pub(super) spend_period: SpendPeriod,
}

/// Reads an amount in US dollars.
pub(super) fn parse_usd(text: &str) -> Result<f64, String> {
    let amount = text.parse().ok().filter(|usd| (0.0..=MAX_SPEND_LIMIT_USD).contains(usd));
    amount.ok_or_else(|| format!("{text:?} is not 0 to {MAX_SPEND_LIMIT_USD} US dollars"))
}

/// Reads a period's name.
fn parse_period(text: &str) -> Result<SpendPeriod, String> {
    let found = SpendPeriod::ALL.into_iter().find(|period| period.as_str() == text);
    found.ok_or_else(|| {
        let names = SpendPeriod::ALL.map(SpendPeriod::as_str).join(", ");
        format!("{text:?} is no period; there are {names}")
    })
}

/// A limit for the store.
pub(super) fn for_store(limit_usd: f64, period: SpendPeriod) -> KeySpendLimit {
    KeySpendLimit { limit_microusd: microusd(limit_usd), period }
}

/// A limit for a server.
pub(super) fn for_server(limit_usd: f64, period: SpendPeriod) -> NewSpendLimit {
    NewSpendLimit { limit_usd, period: period.as_str().to_owned() }
}

/// What the store has, as a server shows it.
pub(super) fn shown(row: &KeyRow, spend: &KeySpend, now_ms: u64) -> Option<SpendLimit> {
    let limit = row.spend_limit?;
    Some(SpendLimit {
        limit_usd: as_usd(limit.limit_microusd),
        period: limit.period.as_str().to_owned(),
        spent_usd: as_usd(spend.spent_microusd(limit.period)),
        reserved_usd: as_usd(spend.reserved_microusd),
        resets_at: limit.period.ends_at_ms(now_ms).map(|at_ms| at_ms / 1_000),
    })
}

/// In few words: `1.25 of 5.00 a month`.
pub(super) fn words(limit: &SpendLimit) -> String {
    let a_period = match limit.period.as_str() {
        "total" => String::new(),
        period => format!(" a {period}"),
    };
    format!("{:.2} of {:.2}{a_period}", limit.spent_usd, limit.limit_usd)
}
