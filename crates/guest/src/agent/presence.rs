//! Whether a host is there, and what becomes of a machine that none owns.
//!
//! Invariant: a machine without a host for the time that the last one set ends itself, so that nothing
//! runs unowned. Before the first host has said a time it waits for ever.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::clock::now;
use super::machine::{end, say};
use super::service::Service;

#[derive(Default)]
pub(crate) struct Presence {
    /// Since when there is no host; none while there is one.
    gone: Mutex<Option<Instant>>,
    changed: Condvar,
}

impl Presence {
    pub(crate) fn joined(&self) {
        *self.gone.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed.notify_all();
    }

    pub(crate) fn left(&self) {
        *self.gone.lock().unwrap_or_else(PoisonError::into_inner) = Some(now());
        self.changed.notify_all();
    }
}

/// Ends the machine when its time without a host is over.
pub(crate) fn watch(service: &Arc<Service>) -> ! {
    let presence = &service.presence;
    let mut gone = presence.gone.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let limit = Duration::from_millis(service.standing.orphan_timeout_ms());
        let left = match *gone {
            Some(since) if !limit.is_zero() => limit.checked_sub(now().duration_since(since)),
            _ => Some(Duration::MAX),
        };
        gone = match left {
            None => {
                say("no host came back in time: the machine ends");
                end(service.is_init);
            }
            Some(Duration::MAX) => {
                presence.changed.wait(gone).unwrap_or_else(PoisonError::into_inner)
            }
            Some(left) => {
                let waited = presence.changed.wait_timeout(gone, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
