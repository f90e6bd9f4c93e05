//! Points in time as people read them.

use mainstay_core::spend::day_name;

const MS_PER_DAY: u64 = 86_400_000;

/// `2026-11-22 01:53:42.123`, in UTC.
pub(crate) fn stamp_ms(at_ms: u64) -> String {
    format!("{} {}", day_name(at_ms / MS_PER_DAY), clock_ms(at_ms))
}

/// `01:53:42.123`, in UTC.
pub(crate) fn clock_ms(at_ms: u64) -> String {
    let ms = at_ms % MS_PER_DAY;
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `2026-11-22 01:53:42`, in UTC.
pub(crate) fn stamp(at_seconds: u64) -> String {
    let stamp = stamp_ms(at_seconds.saturating_mul(1000));
    stamp.trim_end_matches(".000").to_owned()
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
