use super::*;

fn next(expression: &str, timezone: &str, after: &str) -> Result<String, InvalidSchedule> {
    let after: Timestamp = after.parse().expect("a time");
    let schedule = AutomationSchedule::Periodic {
        expression: expression.to_owned(),
        timezone: timezone.to_owned(),
    };
    let after_ms = u64::try_from(after.as_millisecond()).expect("after 1970");
    let at_ms = i64::try_from(next_run_at_ms(&schedule, after_ms)?).expect("before the end");
    Ok(Timestamp::from_millisecond(at_ms).expect("a time").to_string())
}

#[test]
fn times_are_those_of_the_wall_clock() {
    for (expression, timezone, after, expected) in [
        ("0 9 * * *", "UTC", "2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"),
        ("0 9 * * *", "UTC", "2026-11-22T09:00:00Z", "2026-11-23T09:00:00Z"),
        ("0 9 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z"),
        ("0 9 * * *", "Europe/Berlin", "2026-11-22T00:00:00Z", "2026-11-22T08:00:00Z"),
        ("30 9 * * MON-FRI", "America/New_York", "2026-11-20T20:00:00Z", "2026-11-23T14:30:00Z"),
        ("*/15 * * * *", "Asia/Kathmandu", "2026-11-22T00:01:00Z", "2026-11-22T00:15:00Z"),
        ("0 0 29 2 *", "UTC", "2026-11-22T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 L * *", "UTC", "2026-11-22T00:00:00Z", "2026-11-30T00:00:00Z"),
        ("0 9 * * MON#2", "UTC", "2026-12-01T00:00:00Z", "2026-12-14T09:00:00Z"),
        ("0 9 15W * *", "UTC", "2026-08-01T00:00:00Z", "2026-08-14T09:00:00Z"),
        // 02:30 does not exist in Berlin on this day, and is twice there on the other.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
    ] {
        let found = next(expression, timezone, after);
        assert_eq!(found.as_deref(), Ok(expected), "{expression} {timezone} {after}");
    }
}

#[test]
fn what_is_no_schedule_is_refused() {
    let after = "2026-11-22T00:00:00Z";
    for (expression, timezone, expected) in [
        ("x", "UTC", "is \"x\", not a cron expression of five fields"),
        ("0 0 9 * * *", "UTC", "is \"0 0 9 * * *\", not a cron expression of five fields"),
        ("61 * * * *", "UTC", "is \"61 * * * *\", not a cron expression of five fields"),
        ("0 0 31 2 *", "UTC", "is \"0 0 31 2 *\", which never comes"),
        ("0 9 * * *", "Mars/Olympus", "is \"Mars/Olympus\", not a time zone"),
        ("0 9 * * *", "", "is \"\", not a time zone"),
    ] {
        let error = next(expression, timezone, after).expect_err("no schedule").to_string();
        assert!(error.starts_with(expected), "{expression} {timezone}: {error}");
    }
}
