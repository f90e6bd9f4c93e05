//! The one place that starts tasks: each has a name, is counted, and cannot take the process down.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts tasks, waits for them at shutdown, and ends those that are left.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spawner {
    tracker: TaskTracker,
    halted: CancellationToken,
}

impl Spawner {
    /// Starts a task; `on_panic` runs if it panics.
    pub(crate) fn spawn<F, P>(&self, name: &'static str, task: F, on_panic: P) -> AbortHandle
    where
        F: Future<Output = ()> + Send + 'static,
        P: FnOnce() + Send + 'static,
    {
        let halted = self.halted.clone();
        let guarded = async move {
            let ended = tokio::select! {
                biased;
                () = halted.cancelled() => return,
                ended = AssertUnwindSafe(task).catch_unwind() => ended,
            };
            if ended.is_err() {
                tracing::error!(task = name, "a task panicked; this is a bug of mainstay");
                on_panic();
            }
        };
        self.tracker.spawn(guarded).abort_handle()
    }

    /// Ends every task where it stands, as a crash would.
    pub(crate) fn halt(&self) {
        self.halted.cancel();
    }

    /// Waits until every task has ended.
    pub(crate) async fn drained(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// How many tasks there are.
    pub(crate) fn len(&self) -> usize {
        self.tracker.len()
    }
}
