//! How many model answers may be on their way to the disk at once.
//!
//! An answer that has come and is not on the disk yet is lost with the process, and the call is paid
//! for again. A call therefore begins with a place, and gives it back when its outcome is committed,
//! or after [`HOLD_MS`] without an answer. A model whose last answer took no longer than that has few
//! places: a herd of its calls waits here, where waiting costs nothing. The answers of a slower one
//! come apart from each other by themselves, so that it has many, and its calls run side by side.
//!
//! Invariant: of the calls that began less than [`HOLD_MS`] ago, at most [`FAST_LIMIT_COUNT`] of fast
//! models and [`SLOW_LIMIT_COUNT`] of slow ones have no committed outcome.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many calls of fast models begin without a committed outcome of those before: as many answers a
/// kill may cost. What is not known counts as fast.
const FAST_LIMIT_COUNT: usize = 5;
/// The same for slow models: bounds the herd when one that was slow is fast again.
const SLOW_LIMIT_COUNT: usize = 64;
/// How long a call without an answer keeps its place.
pub(crate) const HOLD_MS: u64 = 20;
/// How many slow models are known at once.
const SLOW_MODELS_LIMIT_COUNT: usize = 1_024;

/// A place among the calls that have just begun.
pub(crate) type Place = OwnedSemaphorePermit;

#[derive(Debug)]
pub(crate) struct Surge {
    fast: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    slow_models: Mutex<HashSet<String>>,
}

impl Surge {
    pub(crate) fn new() -> Self {
        Self {
            fast: Arc::new(Semaphore::new(FAST_LIMIT_COUNT)),
            slow: Arc::new(Semaphore::new(SLOW_LIMIT_COUNT)),
            slow_models: Mutex::default(),
        }
    }

    fn slow_models(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.slow_models.lock().expect("no code panics while it holds the slow models")
    }

    /// Waits for a place.
    pub(crate) async fn place(&self, model: &str) -> Option<Place> {
        let is_slow = self.slow_models().contains(model);
        let places = if is_slow { &self.slow } else { &self.fast };
        places.clone().acquire_owned().await.ok()
    }

    /// Learns how long an answer took.
    pub(crate) fn answered(&self, model: &str, took_ms: u64) {
        let is_slow = took_ms > HOLD_MS;
        let mut slow_models = self.slow_models();
        if is_slow == slow_models.contains(model) {
            return;
        }
        if !is_slow {
            slow_models.remove(model);
        } else if slow_models.len() < SLOW_MODELS_LIMIT_COUNT {
            slow_models.insert(model.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// How many calls begin at once.
    fn begun(surge: &Surge) -> usize {
        let places = std::iter::from_fn(|| surge.place("m").now_or_never());
        places.collect::<Vec<_>>().len()
    }

    #[test]
    fn a_model_has_many_places_as_long_as_it_is_slow() {
        let surge = Surge::new();
        assert_eq!(begun(&surge), FAST_LIMIT_COUNT, "not known");
        for (took_ms, expected) in [
            (HOLD_MS + 1, SLOW_LIMIT_COUNT),
            (5_000, SLOW_LIMIT_COUNT),
            (HOLD_MS, FAST_LIMIT_COUNT),
            (0, FAST_LIMIT_COUNT),
        ] {
            surge.answered("m", took_ms);
            assert_eq!(begun(&surge), expected, "an answer after {took_ms} ms");
            surge.answered("another", HOLD_MS + 1);
        }
    }
}
