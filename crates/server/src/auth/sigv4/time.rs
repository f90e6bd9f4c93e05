//! Times of the form `20261231T235959Z`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// The form that is signed.
const FORM: &str = "%Y%m%dT%H%M%SZ";

/// A time of the headers `x-amz-date` or `date`: Unix milliseconds, and the text that is signed.
pub(super) fn read(text: &str) -> Option<(u64, String)> {
    let basic = DateTime::strptime(FORM, text).ok();
    let at = match basic {
        Some(civil) => civil.to_zoned(TimeZone::UTC).ok()?.timestamp(),
        None => rfc2822::parse(text).ok()?.timestamp(),
    };
    let at_ms = u64::try_from(at.as_millisecond()).ok()?;
    Some((at_ms, show(at_ms)))
}

/// A time in the form that is signed.
pub(super) fn show(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.unwrap_or(Timestamp::MAX).strftime(FORM).to_string()
}
