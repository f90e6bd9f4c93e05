//! What writes: the connection with all that a group of commits goes through.
//!
//! Invariant: a group is one transaction and one flush. A refused commit touches nothing; of a
//! failed transaction nothing is kept and all of its commits are told.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay_protocol::RowSpec;
use rusqlite::Connection;

use crate::StoreError;
use crate::check;
use crate::leases::Leases;
use crate::sqlite::apply::{Applier, RowSqls};
use crate::sqlite::error::{Failure, from_sqlite};
use crate::sqlite::heads::{Head, Heads};
use crate::sqlite::herd::{self, Fill, Herd};
use crate::sqlite::migrate;
use crate::sqlite::wal::Wal;
use crate::sqlite::witness::{Acknowledged, Witness};
use crate::sqlite::work::Write;

/// How a write ended: the journal's new head, or why it was refused.
pub(super) type Outcome = Result<Head, StoreError>;

#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    database: PathBuf,
    leases: Arc<Mutex<Leases>>,
    wal: Wal,
    witness: Witness,
    heads: Heads,
    row_sqls: RowSqls,
    herd: Herd,
    last_flush: Duration,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        database: PathBuf,
        leases: Arc<Mutex<Leases>>,
        wal: Wal,
        witness: Witness,
    ) -> Self {
        Wal::follow(&connection);
        Self {
            connection,
            database,
            leases,
            wal,
            witness,
            heads: Heads::default(),
            row_sqls: RowSqls::default(),
            herd: Herd::default(),
            last_flush: Duration::ZERO,
        }
    }

    /// How long the last group took to become durable.
    pub(super) fn last_flush(&self) -> Duration {
        self.last_flush
    }

    /// How far the next group should fill.
    pub(super) fn fill(&self) -> Option<Fill> {
        self.herd.fill(herd::now())
    }

    /// Whether the log should be copied into the data file.
    pub(super) fn needs_checkpoint(&self) -> bool {
        self.wal.is_due()
    }

    /// Copies the log into the data file. Answers how often the disk was flushed.
    pub(super) fn checkpoint(&mut self) -> u64 {
        match self.wal.checkpoint(&self.connection) {
            Ok(flush_count) => flush_count,
            Err(error) => {
                // The log goes on growing and keeps everything; a later group tries again.
                tracing::warn!(error = &error as &dyn std::error::Error, "checkpoint failed");
                0
            }
        }
    }

    /// Brings the row tables up to date.
    pub(super) fn migrate(&mut self, list: &'static [RowSpec]) -> Result<(), StoreError> {
        let specs = check::specs(list)?;
        migrate::migrate(&mut self.connection, &specs)
            .map_err(|e| from_sqlite(e, "bring the row tables up to date", &self.database))??;
        self.row_sqls = RowSqls::new(&specs);
        Ok(())
    }

    /// Makes a group durable. Answers each commit's outcome and how often the disk was flushed.
    pub(super) fn write(&mut self, group: &[Write]) -> (Vec<Outcome>, u64) {
        match self.transact(group) {
            Ok(outcomes) => {
                self.herd.wrote(group, herd::now());
                self.bear_witness(group, &outcomes);
                let flush_count = u64::from(outcomes.iter().any(Result::is_ok));
                (outcomes, flush_count)
            }
            Err(failure) if group.len() > 1 && !failure.concerns_all() => {
                // One of them is at fault: the others must not suffer for it.
                let alone = group.iter().map(|write| self.write(std::slice::from_ref(write)));
                let (outcomes, flush_counts): (Vec<_>, Vec<_>) = alone.unzip();
                (outcomes.into_iter().flatten().collect(), flush_counts.iter().sum())
            }
            Err(failure) => {
                let attempt = "write a group of commits";
                let told = || Err(from_sqlite(failure.clone(), attempt, &self.database));
                (group.iter().map(|_| told()).collect(), 0)
            }
        }
    }

    /// Applies a group in one transaction and makes it durable.
    fn transact(&mut self, group: &[Write]) -> Result<Vec<Outcome>, Failure> {
        let result = self.try_transact(group);
        if result.is_err() {
            if !self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "could not roll a failed group back");
            }
            for journal in group.iter().filter_map(Write::journal) {
                self.heads.forget(journal);
            }
        }
        result.map_err(Failure::from)
    }

    fn try_transact(&mut self, group: &[Write]) -> rusqlite::Result<Vec<Outcome>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut applier = Applier {
            connection: &self.connection,
            heads: &mut self.heads,
            leases: &self.leases,
            row_sqls: &self.row_sqls,
        };
        let outcomes =
            group.iter().map(|write| applier.apply(write)).collect::<Result<Vec<_>, _>>()?;
        let mut statement = self.connection.prepare_cached("COMMIT")?;
        let (time, result) = timed(|| self.wal.observe(|| statement.execute([])));
        self.last_flush = time;
        result?;
        Ok(outcomes)
    }

    fn bear_witness(&self, group: &[Write], outcomes: &[Outcome]) {
        let durable = group.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok());
        let commits = durable.filter_map(|(write, _)| write.commit());
        if let Some(entry) = commits.filter_map(|commit| commit.entries.last()).next_back() {
            let (journal, seq, hash) = (entry.journal.clone(), entry.seq, entry.hash);
            self.witness.record(&Acknowledged { journal, seq, hash });
        }
    }
}

fn timed<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let start = herd::now();
    let result = act();
    (start.elapsed(), result)
}
