//! Points in time as people read them.

/// Days from 0000-03-01 to 1970-01-01, in the proleptic Gregorian calendar.
const EPOCH_DAYS: u64 = 719_468;
const MS_PER_DAY: u64 = 86_400_000;

/// `2026-11-22 01:53:42.123`, in UTC.
pub(crate) fn stamp_ms(at_ms: u64) -> String {
    let (year, month, day) = date(at_ms / MS_PER_DAY);
    format!("{year:04}-{month:02}-{day:02} {}", clock_ms(at_ms))
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

/// Year, month and day of a number of days since 1970-01-01 (Hinnant's algorithm).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH_DAYS;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
