//! The one writer of a tenant's chat completions: what waits is written in one commit.
//!
//! Invariant: while something waits at a desk, a task is at work there; it leaves when nothing does. An
//! end that could not be written is tried again with the next commit of its desk, and at the next start.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use mainstay_protocol::{ApiError, ErrorCode, TenantId};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::ledger::{Ledger, carry_out};
use super::{CallEnd, ChatCall, NewChat};
use crate::engine::Inner;

/// How many calls of a tenant may wait to begin.
const WAITING_LIMIT_COUNT: usize = 4096;
/// How much is written in one commit.
const BATCH_LIMIT_COUNT: usize = 256;
/// How many tenants' ledgers are kept in memory while nobody writes them.
const KEPT_LEDGERS_COUNT: usize = 1024;

/// What is asked of a desk.
pub(super) enum Job {
    /// A call is to begin.
    Begin { new: NewChat, reply: oneshot::Sender<Result<ChatCall, ApiError>> },
    /// One has ended.
    End { end: CallEnd, reply: Option<oneshot::Sender<Result<(), ApiError>>> },
}

/// The desks of all tenants.
pub(crate) struct Books {
    /// Names this process among all that ever had the store.
    pub(super) process: Arc<str>,
    desks: Mutex<HashMap<TenantId, Desk>>,
}

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Job>,
    /// Ends that could not be written.
    unwritten: Vec<CallEnd>,
    is_at_work: bool,
    ledger: Option<Ledger>,
}

impl Books {
    pub(crate) fn new(owner: &str, now_ms: u64) -> Self {
        Self { process: format!("{owner}@{now_ms}").into(), desks: Mutex::default() }
    }

    fn desks(&self) -> MutexGuard<'_, HashMap<TenantId, Desk>> {
        self.desks.lock().expect("no code panics while it holds the desks")
    }
}

/// A call is to begin.
pub(super) fn begin(
    inner: &Arc<Inner>,
    new: NewChat,
    reply: oneshot::Sender<Result<ChatCall, ApiError>>,
) -> Result<(), ApiError> {
    let tenant = new.caller.tenant.clone();
    let mut desks = inner.books.desks();
    let desk = desks.entry(tenant.clone()).or_default();
    if desk.waiting.len() >= WAITING_LIMIT_COUNT {
        let message =
            format!("{WAITING_LIMIT_COUNT} chat completions wait already; try again soon");
        return Err(ApiError::new(ErrorCode::Overloaded, message));
    }
    desk.waiting.push_back(Job::Begin { new, reply });
    open(inner, desk, tenant);
    Ok(())
}

/// A call has ended; it is never refused, since calls that may begin are counted.
pub(super) fn end(
    inner: &Arc<Inner>,
    end: CallEnd,
    reply: Option<oneshot::Sender<Result<(), ApiError>>>,
) {
    let tenant = end.caller.tenant.clone();
    let mut desks = inner.books.desks();
    let desk = desks.entry(tenant.clone()).or_default();
    desk.waiting.push_back(Job::End { end, reply });
    open(inner, desk, tenant);
}

/// Sends a writer to a desk that has none.
fn open(inner: &Arc<Inner>, desk: &mut Desk, tenant: TenantId) {
    // A call may be dropped when the process has nothing left that tasks run on.
    if desk.is_at_work || Handle::try_current().is_err() {
        return;
    }
    desk.is_at_work = true;
    let writer = Writer { inner: inner.clone(), tenant, is_done: false };
    inner.spawner.spawn("chat", writer.run(), || {});
}

/// A task at a desk.
struct Writer {
    inner: Arc<Inner>,
    tenant: TenantId,
    is_done: bool,
}

impl Writer {
    async fn run(mut self) {
        let mut ledger = None;
        while let Some(jobs) = self.next(&mut ledger) {
            let unwritten = carry_out(&self.inner, &self.tenant, &mut ledger, jobs).await;
            if !unwritten.is_empty() {
                let mut desks = self.inner.books.desks();
                desks.entry(self.tenant.clone()).or_default().unwritten.extend(unwritten);
            }
        }
    }

    /// What is to be written next; none when nothing waits, and the desk is left.
    fn next(&mut self, ledger: &mut Option<Ledger>) -> Option<Vec<Job>> {
        let mut desks = self.inner.books.desks();
        if desks.len() > KEPT_LEDGERS_COUNT {
            desks.retain(|_, desk| desk.is_at_work || !desk.unwritten.is_empty());
        }
        let desk = desks.get_mut(&self.tenant)?;
        if desk.waiting.is_empty() {
            self.is_done = true;
            desk.is_at_work = false;
            desk.ledger = ledger.take();
            return None;
        }
        if ledger.is_none() {
            *ledger = desk.ledger.take();
        }
        let again = desk.unwritten.drain(..).map(|end| Job::End { end, reply: None });
        let mut jobs: Vec<Job> = again.collect();
        let count = desk.waiting.len().min(BATCH_LIMIT_COUNT);
        jobs.extend(desk.waiting.drain(..count));
        Some(jobs)
    }
}

impl Drop for Writer {
    /// It was ended where it stood: whoever waits is told so, and the next call sends another.
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        self.inner.books.desks().remove(&self.tenant);
    }
}
