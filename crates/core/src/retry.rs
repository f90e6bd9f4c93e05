//! When a failed attempt is made again.
//!
//! Invariant: exponential backoff with full jitter on the upper half, a wait that the other side
//! asked for is honoured, and every wait has a cap. Source: the AWS Architecture Blog's
//! "Exponential Backoff And Jitter".

use mainstay_protocol::IdMint;

/// Attempts of one model call before its route goes on.
pub const MODEL_MAX_ATTEMPTS: u32 = 4;
/// Attempts of asking a tool what became of a call.
pub const RECONCILE_MAX_ATTEMPTS: u32 = 3;
/// Attempts of learning an agent's tools.
pub const RESOLVE_MAX_ATTEMPTS: u32 = 3;
/// Attempts of saving a session's machine.
pub const CHECKPOINT_MAX_ATTEMPTS: u32 = 3;
/// The first wait.
pub const BACKOFF_BASE_MS: u64 = 250;
/// The longest wait of our own choosing.
pub const BACKOFF_CAP_MS: u64 = 30_000;
/// The longest wait that the other side can ask for.
pub const RETRY_AFTER_CAP_MS: u64 = 600_000;

/// How long to wait after attempt number `attempt` failed.
pub fn backoff_ms(attempt: u32, retry_after_ms: Option<u64>, mint: &mut IdMint) -> u64 {
    if let Some(asked) = retry_after_ms {
        let asked = asked.min(RETRY_AFTER_CAP_MS);
        return asked + mint.jitter(BACKOFF_BASE_MS);
    }
    let doubled = BACKOFF_BASE_MS.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let ceiling = doubled.min(BACKOFF_CAP_MS);
    ceiling / 2 + mint.jitter(ceiling / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_honour_what_was_asked() {
        let mut mint = IdMint::new(0, 1);
        for attempt in 1..40 {
            let wait = backoff_ms(attempt, None, &mut mint);
            let ceiling = (BACKOFF_BASE_MS << (attempt - 1).min(16)).min(BACKOFF_CAP_MS);
            assert!((ceiling / 2..=ceiling).contains(&wait), "attempt {attempt} waits {wait}");
        }
        let asked = backoff_ms(1, Some(5_000), &mut mint);
        assert!((5_000..5_000 + BACKOFF_BASE_MS).contains(&asked));
        assert!(backoff_ms(1, Some(u64::MAX), &mut mint) < RETRY_AFTER_CAP_MS + BACKOFF_BASE_MS);
    }
}
