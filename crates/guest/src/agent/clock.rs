//! The agent's clocks: the one place that reads them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::Timespec;

/// Time that only goes forward.
#[expect(
    clippy::disallowed_methods,
    reason = "the agent is a program of its own, and this its clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Changes with every start of the agent.
#[expect(
    clippy::disallowed_methods,
    reason = "the agent is a program of its own, and this its clock"
)]
pub(crate) fn boot_number() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

/// For the kernel.
pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
