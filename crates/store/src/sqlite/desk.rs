//! Who runs the writer: its own thread, or a lone caller.
//!
//! Waking a sleeping thread and being woken by it takes half as long as a flush of a fast disk. So
//! a commit that finds nobody writing and nobody waiting is written where it was called, as long
//! as flushes are short; as soon as commits meet, the thread writes them in groups. Invariant: one
//! writes at a time, in the order of the calls, and nobody is answered before the flush.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mainstay_protocol::RowSpec;
use tokio::sync::{broadcast, oneshot};

use crate::sqlite::options::SqliteOptions;
use crate::sqlite::queue::{Queue, Reply, Waiting, Work, stopped};
use crate::sqlite::work::Write;
use crate::sqlite::writer::{Outcome, Writer};
use crate::{Health, StoreError, TaskHint, WATCH_QUEUE_LIMIT_COUNT};

#[derive(Debug)]
pub(super) struct Desk {
    queue: Queue,
    writer: Mutex<Writer>,
    group_limit_count: usize,
    lone_flush_limit_us: u64,
    hints: broadcast::Sender<TaskHint>,
    commit_count: AtomicU64,
    flush_count: AtomicU64,
    /// Microseconds of the last flush.
    last_flush_us: AtomicU64,
}

/// Lets callers know when the thread ends, also by a panic.
struct Abandon<'a>(&'a Queue);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Desk {
    pub(super) fn new(writer: Writer, options: &SqliteOptions) -> Self {
        let fill_wait = Duration::from_micros(options.fill_wait_us);
        Self {
            queue: Queue::new(options.queue_limit_count, fill_wait),
            writer: Mutex::new(writer),
            group_limit_count: options.group_limit_count.max(1),
            lone_flush_limit_us: options.lone_flush_limit_us,
            hints: broadcast::Sender::new(WATCH_QUEUE_LIMIT_COUNT),
            commit_count: AtomicU64::new(0),
            flush_count: AtomicU64::new(0),
            last_flush_us: AtomicU64::new(0),
        }
    }

    /// Serves the queue until it is closed and empty: the body of the writer's thread.
    pub(super) fn serve(&self) {
        let _abandon = Abandon(&self.queue);
        let mut fill = None;
        while let Some(work) = self.queue.take(self.group_limit_count, fill) {
            let Ok(mut writer) = self.writer.lock() else { return };
            match work {
                Work::Group(group) => self.write_group(&mut writer, group),
                Work::Checkpoint => {}
                Work::Migrate { list, reply } => {
                    let answer = writer.migrate(list);
                    self.flush_count.fetch_add(1, Ordering::Relaxed);
                    // A caller that went away needs no answer.
                    let _ = reply.send(answer);
                }
            }
            if writer.needs_checkpoint() {
                self.flush_count.fetch_add(writer.checkpoint(), Ordering::Relaxed);
            }
            fill = writer.fill();
        }
    }

    /// Makes a write durable.
    pub(super) async fn write(&self, write: Write) -> Result<(), StoreError> {
        if self.last_flush_us.load(Ordering::Relaxed) < self.lone_flush_limit_us
            && let Some(mut turn) = self.queue.begin_alone()
        {
            let mut writer = self.writer.lock().map_err(|_| stopped())?;
            let outcome = self.write_all(&mut writer, std::slice::from_ref(&write)).pop();
            // It takes milliseconds: not on a caller's thread.
            turn.needs_checkpoint = writer.needs_checkpoint();
            turn.fill = writer.fill();
            drop(writer);
            drop(turn);
            return self.announce(&write, outcome.unwrap_or_else(|| Err(stopped())));
        }
        self.ask(|reply| self.queue.push(write, reply)).await
    }

    /// Brings the row tables up to date.
    pub(super) async fn migrate(&self, list: &'static [RowSpec]) -> Result<(), StoreError> {
        self.ask(|reply| self.queue.push_migration(list, reply)).await
    }

    /// Hands work to the thread and waits for its answer.
    async fn ask(
        &self,
        push: impl FnOnce(Reply) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        push(reply)?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    fn write_group(&self, writer: &mut Writer, group: Vec<Waiting>) {
        let (writes, replies): (Vec<_>, Vec<_>) =
            group.into_iter().map(|waiting| (waiting.write, waiting.reply)).unzip();
        let outcomes = self.write_all(writer, &writes);
        for ((write, reply), outcome) in writes.iter().zip(replies).zip(outcomes) {
            // A caller that went away needs no answer.
            let _ = reply.send(self.announce(write, outcome));
        }
    }

    fn write_all(&self, writer: &mut Writer, group: &[Write]) -> Vec<Outcome> {
        let (outcomes, flush_count) = writer.write(group);
        let commits = group.iter().zip(&outcomes).filter(|(write, _)| write.commit().is_some());
        let durable_count = commits.filter(|(_, outcome)| outcome.is_ok()).count();
        self.commit_count.fetch_add(durable_count as u64, Ordering::Relaxed);
        self.flush_count.fetch_add(flush_count, Ordering::Relaxed);
        let last_flush_us = u64::try_from(writer.last_flush().as_micros()).unwrap_or(u64::MAX);
        self.last_flush_us.store(last_flush_us, Ordering::Relaxed);
        outcomes
    }

    fn announce(&self, write: &Write, outcome: Outcome) -> Result<(), StoreError> {
        let seq = outcome?.seq;
        if let Some(commit) = write.commit() {
            // Nobody watching is no failure.
            let _ = self.hints.send(TaskHint { journal: commit.journal.clone(), seq });
        }
        Ok(())
    }

    pub(super) fn watch(&self) -> broadcast::Receiver<TaskHint> {
        self.hints.subscribe()
    }

    pub(super) fn health(&self) -> Result<Health, StoreError> {
        if self.queue.is_closed() {
            return Err(stopped());
        }
        Ok(Health {
            backend: "sqlite",
            commit_count: self.commit_count.load(Ordering::Relaxed),
            flush_count: self.flush_count.load(Ordering::Relaxed),
            queue_count: self.queue.len(),
        })
    }

    /// Lets the thread end when it has written what waits.
    pub(super) fn close(&self) {
        self.queue.close();
    }
}
