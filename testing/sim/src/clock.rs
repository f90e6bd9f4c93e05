//! Simulated time: tokio's paused clock, which jumps to the next timer when nothing else can run.

use std::time::Duration;

use async_trait::async_trait;
use mainstay_core::port::Clock;
use tokio::time::Instant;

/// When every run begins: 2026-01-01, in Unix milliseconds.
const EPOCH_MS: u64 = 1_767_225_600_000;

/// The clock of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SimClock {
    start: Instant,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Waits this long.
    pub(crate) async fn pass(self, wait_ms: u64) {
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now_ms(&self) -> u64 {
        EPOCH_MS + u64::try_from(self.start.elapsed().as_millis()).expect("runs are short")
    }

    async fn sleep_until(&self, at_ms: u64) {
        let wait_ms = at_ms.saturating_sub(self.now_ms());
        if wait_ms > 0 {
            self.pass(wait_ms).await;
        }
    }
}
