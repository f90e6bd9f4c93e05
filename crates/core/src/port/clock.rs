//! Time and randomness, so that nothing else asks the environment for them.

use async_trait::async_trait;

/// Wall time in Unix milliseconds, and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now_ms(&self) -> u64;

    /// Returns once `now_ms()` is at least `at_ms`.
    async fn sleep_until(&self, at_ms: u64);
}

/// A source of fresh randomness.
pub trait Entropy: Send + Sync {
    /// 128 bits never given before.
    fn next(&self) -> u128;
}
