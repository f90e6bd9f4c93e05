//! The one real clock and the one real source of randomness.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use mainstay_core::port::{Clock, Entropy};
use rand::RngCore;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that waits on the machine's clock"
    )]
    async fn sleep_until(&self, at_ms: u64) {
        // A wait is at most an hour at a time, so that a clock set forward is noticed.
        const LONGEST_WAIT_MS: u64 = 3_600_000;
        loop {
            let now = self.now_ms();
            if now >= at_ms {
                return;
            }
            let wait = (at_ms - now).min(LONGEST_WAIT_MS);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }
}

/// The operating system's randomness, through a thread-local generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws randomness")]
    fn next(&self) -> u128 {
        let mut rng = rand::rng();
        (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64())
    }
}
