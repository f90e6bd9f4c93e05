//! When a provider said to come back.
//!
//! Invariant: never more than [`MAX_RETRY_AFTER_MS`]; what cannot be read is as if it were absent.
//! Deliberately absent: our own clock. A date is compared with the answer's own `date` header, which
//! also takes the difference between two clocks out.

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::limits::MAX_RETRY_AFTER_MS;

/// The wait that an answer's headers ask for, in milliseconds.
pub(super) fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let wait = text("retry-after-ms").and_then(|value| value.trim().parse::<f64>().ok());
    let wait = wait.or_else(|| from_retry_after(text(RETRY_AFTER.as_str())?, text(DATE.as_str())));
    bounded(wait?)
}

fn from_retry_after(value: &str, date: Option<&str>) -> Option<f64> {
    if let Ok(seconds) = value.trim().parse::<f64>() {
        return Some(seconds * 1000.0);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let from = httpdate::parse_http_date(date?).ok()?;
    Some(until.duration_since(from).unwrap_or_default().as_secs_f64() * 1000.0)
}

fn bounded(wait_ms: f64) -> Option<u64> {
    if !wait_ms.is_finite() || wait_ms < 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite, not negative, and cut to the limit below"
    )]
    let whole = wait_ms.ceil() as u64;
    Some(whole.min(MAX_RETRY_AFTER_MS))
}
