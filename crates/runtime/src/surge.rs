//! How many model answers may be on their way to the disk at once.
//!
//! An answer that has come and is not on the disk yet is lost with the process, and the call is paid
//! for again. A call therefore begins with a place, and gives it back when its outcome is committed,
//! or after [`HOLD_MS`] without an answer: slow models, which is all that people pay for, run side by
//! side as before, and a herd of fast ones waits here, where waiting costs nothing.
//!
//! Invariant: at most [`SURGE_LIMIT_COUNT`] calls that began less than [`HOLD_MS`] ago have no
//! committed outcome.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many calls begin without a committed outcome of those before.
const SURGE_LIMIT_COUNT: usize = 6;
/// How long a call without an answer keeps its place.
pub(crate) const HOLD_MS: u64 = 20;

/// A place among the calls that have just begun.
pub(crate) type Place = OwnedSemaphorePermit;

#[derive(Debug, Clone)]
pub(crate) struct Surge(Arc<Semaphore>);

impl Surge {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(SURGE_LIMIT_COUNT)))
    }

    /// Waits for a place.
    pub(crate) async fn place(&self) -> Option<Place> {
        self.0.clone().acquire_owned().await.ok()
    }
}
