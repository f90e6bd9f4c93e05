//! Time that moves when the test says so, and randomness that counts.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use mainstay_core::port::{Clock, Entropy};
use tokio::sync::watch;

/// A clock that stands still.
pub(crate) struct StillClock(watch::Sender<u64>);

impl Default for StillClock {
    fn default() -> Self {
        Self(watch::channel(1_790_000_000_000).0)
    }
}

impl StillClock {
    pub(crate) fn advance(&self, by_ms: u64) {
        self.0.send_modify(|now| *now += by_ms);
    }
}

#[async_trait]
impl Clock for StillClock {
    fn now_ms(&self) -> u64 {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at_ms: u64) {
        let mut now = self.0.subscribe();
        now.wait_for(|now| *now >= at_ms).await.expect("the clock outlives who waits on it");
    }
}

/// Randomness that counts.
#[derive(Default)]
pub(crate) struct CountedEntropy(AtomicU64);

impl Entropy for CountedEntropy {
    fn next(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}
