//! Automations: what is due becomes an invocation, and an invocation a session or a message to one.
//!
//! Invariant: an invocation and the automation's next time are one commit; ids follow from the time
//! that was due, so that a crash between deciding, delivering and recording runs nothing twice.
//! Times that passed while no process ran, or while the automation was paused, are not made up for,
//! but for one: an active automation that missed its time runs once, and goes on with the next time
//! to come. Deliberately absent: waiting for the session's turn to end.

mod deliver;
mod environments;
mod schedule;
mod tick;

use std::sync::Arc;

use futures::FutureExt;
use mainstay_core::resource::{AUTOMATION_KIND, INVOCATION_KIND};

pub use self::environments::{Environments, NoEnvironments, SessionDraft};
pub use self::schedule::{InvalidSchedule, next_run_at_ms};
use crate::due::{self, Desk};
use crate::engine::{Engine, Inner};

/// How many times are decided at once.
const TICKS_LIMIT_COUNT: usize = 16;
/// How many invocations are delivered at once.
const DELIVERIES_LIMIT_COUNT: usize = 16;
/// The journal of what has no author, which stays empty.
const JOURNAL: &str = "automations";

/// What the parts of an engine share about automations.
pub(crate) struct Automations {
    times: Desk,
    deliveries: Desk,
}

impl Default for Automations {
    fn default() -> Self {
        Self {
            times: Desk::new(AUTOMATION_KIND, TICKS_LIMIT_COUNT),
            deliveries: Desk::new(INVOCATION_KIND, DELIVERIES_LIMIT_COUNT),
        }
    }
}

pub(crate) fn start(inner: &Arc<Inner>) {
    due::start(
        inner,
        |inner| &inner.automations.times,
        |inner, task| async move { tick::handle(&inner, &task).await }.boxed(),
    );
    due::start(
        inner,
        |inner| &inner.automations.deliveries,
        |inner, task| async move { deliver::handle(&inner, &task).await }.boxed(),
    );
}

impl Engine {
    /// Says that an automation or invocation may be due now.
    pub fn automations_changed(&self) {
        self.inner().automations.times.wake();
        self.inner().automations.deliveries.wake();
    }
}
