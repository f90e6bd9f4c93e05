//! The next time of a schedule.
//!
//! Invariant: a pure function of the schedule and a time. A wall-clock time that a time zone skips
//! or repeats is one time: the library moves it to the first one that exists.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use mainstay_core::resource::AutomationSchedule;

/// Why a schedule is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// The expression cannot be read.
    #[error("is {text:?}, not a cron expression of five fields: {reason}")]
    Expression {
        /// The expression.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The expression names no time to come.
    #[error("is {text:?}, which never comes")]
    Never {
        /// The expression.
        text: String,
    },
    /// The time zone is not known.
    #[error("is {text:?}, not a time zone of the IANA database, like Europe/Berlin or UTC")]
    Timezone {
        /// The name.
        text: String,
    },
}

/// The first time behind `after_ms`; for what runs once, its time.
pub fn next_run_at_ms(
    schedule: &AutomationSchedule,
    after_ms: u64,
) -> Result<u64, InvalidSchedule> {
    let (expression, timezone) = match schedule {
        AutomationSchedule::Once { run_at_ms } => return Ok(*run_at_ms),
        AutomationSchedule::Periodic { expression, timezone } => (expression, timezone),
    };
    let zone = TimeZone::get(timezone)
        .map_err(|_| InvalidSchedule::Timezone { text: timezone.clone() })?;
    let cron = parse(expression)?;
    let never = || InvalidSchedule::Never { text: expression.clone() };
    let after = i64::try_from(after_ms).map_err(|_| never())?;
    let after = Timestamp::from_millisecond(after).map_err(|_| never())?;
    let next: Zoned =
        cron.find_next_occurrence(&after.to_zoned(zone), false).map_err(|_| never())?;
    u64::try_from(next.timestamp().as_millisecond()).map_err(|_| never())
}

fn parse(expression: &str) -> Result<Cron, InvalidSchedule> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(expression).map_err(|error| InvalidSchedule::Expression {
        text: expression.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
