//! The one thread that writes.
//!
//! Invariant: all commits that stand in the queue become one transaction and one flush, and each
//! caller is answered behind that flush. A refused commit touches nothing; a failed transaction is
//! answered as failed to all of its callers, and nothing of it is kept.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use tokio::sync::broadcast;

use crate::check;
use crate::leases::Leases;
use crate::sqlite::apply::{Applier, RowSqls};
use crate::sqlite::error::{Shared, from_sqlite};
use crate::sqlite::heads::{Head, Heads};
use crate::sqlite::migrate;
use crate::sqlite::queue::{Queue, Waiting, Work};
use crate::sqlite::wal::Wal;
use crate::sqlite::witness::{Acknowledged, Witness};
use crate::{StoreError, TaskHint};
use mainstay_protocol::RowSpec;

/// What the writer shares with the store.
#[derive(Debug)]
pub(super) struct SharedState {
    pub(super) queue: Queue,
    pub(super) leases: Mutex<Leases>,
    pub(super) hints: broadcast::Sender<TaskHint>,
    pub(super) commit_count: AtomicU64,
    pub(super) flush_count: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) database: PathBuf,
    pub(super) shared: Arc<SharedState>,
    pub(super) wal: Wal,
    pub(super) witness: Witness,
    pub(super) group_limit_count: usize,
    pub(super) heads: Heads,
    pub(super) row_sqls: RowSqls,
}

/// Lets callers know when the thread ends, also by a panic.
struct Abandon(Arc<SharedState>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

type Outcome = Result<Head, StoreError>;

impl Writer {
    /// Serves the queue until it is closed and empty.
    pub(super) fn serve(mut self) {
        let _abandon = Abandon(self.shared.clone());
        Wal::follow(&self.connection);
        while let Some(work) = self.shared.queue.take(self.group_limit_count) {
            match work {
                Work::Group(group) => self.write(group),
                Work::Migrate { list, reply } => {
                    let answer = self.migrate(list);
                    // A caller that went away needs no answer.
                    let _ = reply.send(answer);
                }
            }
            match self.wal.after_group(&self.connection) {
                Ok(flush_count) => {
                    self.shared.flush_count.fetch_add(flush_count, Ordering::Relaxed);
                }
                // The log goes on growing and keeps everything; the next group tries again.
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "checkpoint failed"),
            }
        }
    }

    fn migrate(&mut self, list: &'static [RowSpec]) -> Result<(), StoreError> {
        let specs = check::specs(list)?;
        migrate::migrate(&mut self.connection, &specs)
            .map_err(|e| from_sqlite(e, "bring the row tables up to date", &self.database))??;
        self.shared.flush_count.fetch_add(1, Ordering::Relaxed);
        self.row_sqls = RowSqls::new(&specs);
        Ok(())
    }

    fn write(&mut self, group: Vec<Waiting>) {
        match self.transact(&group) {
            Ok(outcomes) => self.answer(group, outcomes),
            Err(failure) if group.len() > 1 && !failure.concerns_all() => {
                // One of them is at fault: the others must not suffer for it.
                for waiting in group {
                    self.write(vec![waiting]);
                }
            }
            Err(failure) => {
                for waiting in group {
                    let error = from_sqlite(failure.clone(), "write a group of commits", &self.database);
                    // A caller that went away needs no answer.
                    let _ = waiting.reply.send(Err(error));
                }
            }
        }
    }

    /// Applies a group in one transaction and makes it durable.
    fn transact(&mut self, group: &[Waiting]) -> Result<Vec<Outcome>, Shared> {
        let result = self.try_transact(group);
        if result.is_err() {
            if !self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "could not roll a failed group back");
            }
            for waiting in group {
                self.heads.forget(&waiting.commit.journal);
            }
        }
        result.map_err(Shared::from)
    }

    fn try_transact(&mut self, group: &[Waiting]) -> rusqlite::Result<Vec<Outcome>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut applier = Applier {
            connection: &self.connection,
            heads: &mut self.heads,
            leases: &self.shared.leases,
            row_sqls: &self.row_sqls,
        };
        let outcomes = group.iter().map(|waiting| applier.apply(&waiting.commit)).collect::<Result<Vec<_>, _>>()?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(outcomes)
    }

    fn answer(&self, group: Vec<Waiting>, outcomes: Vec<Outcome>) {
        let durable_count = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        if durable_count > 0 {
            self.shared.commit_count.fetch_add(durable_count as u64, Ordering::Relaxed);
            self.shared.flush_count.fetch_add(1, Ordering::Relaxed);
        }
        let entry_of = |(waiting, outcome): (&Waiting, &Outcome)| match outcome {
            Ok(_) => waiting.commit.entries.last().map(|entry| Acknowledged {
                journal: entry.journal.clone(),
                seq: entry.seq,
                hash: entry.hash,
            }),
            Err(_) => None,
        };
        if let Some(seen) = group.iter().zip(&outcomes).rev().find_map(entry_of) {
            self.witness.record(&seen);
        }
        for (waiting, outcome) in group.into_iter().zip(outcomes) {
            let answer = outcome.map(|head| {
                // Nobody watching is no failure.
                let _ = self.shared.hints.send(TaskHint { journal: waiting.commit.journal, seq: head.seq });
            });
            // A caller that went away needs no answer.
            let _ = waiting.reply.send(answer);
        }
    }
}
