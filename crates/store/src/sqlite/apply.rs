//! What one commit does inside the group's transaction.
//!
//! Invariant: a commit is refused before it changes anything, so that a conflict in one session
//! leaves the transaction of all the others untouched and no savepoint is needed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mainstay_protocol::{Entry, Hash, JournalId, Row, RowChange, RowKey, Seq, TaskChange};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use crate::check::{self, Specs};
use crate::leases::Leases;
use crate::sqlite::heads::{Head, Heads};
use crate::sqlite::owners;
use crate::sqlite::schema::{ERASED_KIND, last_position, position, seq_of};
use crate::sqlite::sql::RowSql;
use crate::sqlite::work::Write;
use crate::{Commit, Snapshot, StoreError};

/// The statements of all declared specs.
#[derive(Debug, Default)]
pub(super) struct RowSqls(HashMap<&'static str, RowSql>);

impl RowSqls {
    pub(super) fn new(specs: &Specs) -> Self {
        Self(specs.iter().map(|(name, spec)| (*name, RowSql::new(spec))).collect())
    }

    pub(super) fn of(&self, key: &RowKey) -> &RowSql {
        self.0.get(key.spec.as_ref()).expect("checked requests name declared specs")
    }
}

/// What a commit is judged by and applied with.
pub(super) struct Applier<'a> {
    pub(super) connection: &'a Connection,
    pub(super) heads: &'a mut Heads,
    pub(super) leases: &'a Mutex<Leases>,
    pub(super) row_sqls: &'a RowSqls,
}

impl Applier<'_> {
    /// Applies a write whose shape was checked. The outer error is the database's and spoils the
    /// transaction; the inner one refuses this write alone.
    pub(super) fn apply(&mut self, write: &Write) -> rusqlite::Result<Result<Head, StoreError>> {
        match write {
            Write::Commit(commit) => self.commit(commit),
            Write::Blob { journal, hash, bytes } => {
                self.own(journal, hash, bytes.as_deref()).map(Ok)
            }
            Write::FilesRemoved(hashes) => {
                owners::files_removed(self.connection, hashes)?;
                Ok(Ok(Head::EMPTY))
            }
        }
    }

    fn own(
        &mut self,
        journal: &JournalId,
        hash: &Hash,
        bytes: Option<&[u8]>,
    ) -> rusqlite::Result<Head> {
        let (number, head) = self.numbered(journal)?;
        owners::own(self.connection, number, hash, bytes)?;
        Ok(head)
    }

    /// The number and head of a journal, which gets a number now if it has none.
    fn numbered(&mut self, journal: &JournalId) -> rusqlite::Result<(i64, Head)> {
        let head = self.head(journal)?;
        if let Some(number) = head.number {
            return Ok((number, head));
        }
        let number = self.add_journal(journal)?;
        let head = Head { number: Some(number), ..head };
        self.heads.put(journal.clone(), head);
        Ok((number, head))
    }

    fn commit(&mut self, commit: &Commit) -> rusqlite::Result<Result<Head, StoreError>> {
        let epoch = self.leases.lock().expect("no code panics while it holds the leases");
        if let Err(fenced) = epoch.check(&commit.journal, commit.epoch) {
            return Ok(Err(fenced));
        }
        drop(epoch);
        let head = self.head(&commit.journal)?;
        if let Err(conflict) = check::head(commit, head.seq, head.hash) {
            return Ok(Err(conflict));
        }
        if let Some(key) = check::insert_clash(&commit.rows, |key| self.exists(key))? {
            let what = format!("row {:?} of {} exists", key.values, key.spec);
            return Ok(Err(StoreError::Conflict { journal: commit.journal.clone(), what }));
        }
        if let Some(adoption) = &commit.adopts
            && let Some(hash) = owners::missing(self.connection, adoption)?
        {
            return Ok(Err(check::not_adopted(commit, hash)));
        }
        self.write(commit, head).map(Ok)
    }

    fn head(&mut self, journal: &JournalId) -> rusqlite::Result<Head> {
        if let Some(head) = self.heads.get(journal) {
            return Ok(head);
        }
        let head = load_head(self.connection, journal)?;
        self.heads.put(journal.clone(), head);
        Ok(head)
    }

    fn exists(&self, key: &RowKey) -> rusqlite::Result<bool> {
        let mut statement = self.connection.prepare_cached(&self.row_sqls.of(key).exists)?;
        statement.exists(params_from_iter(key.values.iter().map(AsRef::as_ref)))
    }

    fn write(&mut self, commit: &Commit, head: Head) -> rusqlite::Result<Head> {
        for change in &commit.rows {
            match change {
                RowChange::Put(row) => self.put_row(row)?,
                RowChange::Insert(row) => self.upsert_row(row)?,
                RowChange::Delete(key) => self.delete_row(key)?,
            }
        }
        for change in &commit.tasks {
            self.change_task(change)?;
        }
        if let (true, Some(number)) = (commit.erases, head.number) {
            owners::disown(self.connection, number)?;
        }
        if let Some(number) = head.number {
            owners::disown_some(self.connection, number, &commit.frees)?;
        }
        if commit.entries.is_empty() && commit.snapshot.is_none() && commit.adopts.is_none() {
            return Ok(head);
        }
        let (number, _) = self.numbered(&commit.journal)?;
        if let Some(adoption) = &commit.adopts {
            owners::adopt(self.connection, number, adoption)?;
        }
        if commit.erases && head.seq > 0 && !commit.entries.is_empty() {
            self.erase(number, &head)?;
        }
        for entry in &commit.entries {
            self.append(number, entry)?;
        }
        if let Some(snapshot) = &commit.snapshot {
            self.put_snapshot(number, snapshot)?;
        }
        let (seq, hash) = commit.entries.last().map_or((head.seq, head.hash), |e| (e.seq, e.hash));
        let head = Head { number: Some(number), seq, hash };
        self.heads.put(commit.journal.clone(), head);
        Ok(head)
    }

    fn add_journal(&self, journal: &JournalId) -> rusqlite::Result<i64> {
        let sql = "INSERT INTO journals (name) VALUES (?1)";
        self.connection.prepare_cached(sql)?.insert([journal.as_ref()])
    }

    /// Removes a journal's entries and its saved fold. Of the last entry, its hash stays.
    fn erase(&self, number: i64, head: &Head) -> rusqlite::Result<()> {
        let last = position(number, head.seq);
        let sql = "DELETE FROM journal WHERE position BETWEEN ?1 AND ?2";
        self.connection.prepare_cached(sql)?.execute([position(number, 0), last])?;
        let sql = "DELETE FROM snapshots WHERE number = ?1";
        self.connection.prepare_cached(sql)?.execute([number])?;
        let sql = "INSERT INTO journal VALUES (?1, ?2, 1, 0, '', '', ?3, '{}')";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![last, ERASED_KIND, head.hash.0]).map(|_| ())
    }

    fn append(&self, number: i64, entry: &Entry) -> rusqlite::Result<()> {
        let sql = "INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let at = signed(entry.at);
        self.connection
            .prepare_cached(sql)?
            .execute(params![
                position(number, entry.seq),
                entry.kind,
                entry.version,
                at,
                entry.principal,
                entry.trace,
                entry.hash.0,
                entry.payload.get(),
            ])
            .map(|_| ())
    }

    /// A row's indexed columns change rarely, and rewriting them would dirty each index.
    fn put_row(&self, row: &Row) -> rusqlite::Result<()> {
        let sql = self.row_sqls.of(&row.key);
        if !sql.columns.is_empty() {
            let values = row_values(row, sql);
            let updated = self.connection.prepare_cached(&sql.update_doc)?.execute(
                params_from_iter(values.iter().map(AsRef::as_ref).chain([row.doc.get()])),
            )?;
            if updated > 0 {
                return Ok(());
            }
        }
        self.upsert_row(row)
    }

    fn upsert_row(&self, row: &Row) -> rusqlite::Result<()> {
        let sql = self.row_sqls.of(&row.key);
        let values = row_values(row, sql);
        self.connection
            .prepare_cached(&sql.upsert)?
            .execute(params_from_iter(values.iter().map(AsRef::as_ref).chain([row.doc.get()])))
            .map(|_| ())
    }

    fn delete_row(&self, key: &RowKey) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(&self.row_sqls.of(key).delete)?
            .execute(params_from_iter(key.values.iter().map(AsRef::as_ref)))
            .map(|_| ())
    }

    fn change_task(&self, change: &TaskChange) -> rusqlite::Result<()> {
        match change {
            TaskChange::Put { key, due_at_ms } => {
                // A task that is put again as it was costs no page.
                let sql = "INSERT INTO tasks VALUES (?1, ?2, ?3) ON CONFLICT (kind, subject)
                    DO UPDATE SET due_at_ms = excluded.due_at_ms WHERE due_at_ms <> excluded.due_at_ms";
                let due_at_ms = signed(*due_at_ms);
                self.connection.prepare_cached(sql)?.execute(params![
                    key.kind,
                    key.subject,
                    due_at_ms
                ])?;
            }
            TaskChange::Delete { key } => {
                let sql = "DELETE FROM tasks WHERE kind = ?1 AND subject = ?2";
                self.connection.prepare_cached(sql)?.execute(params![key.kind, key.subject])?;
            }
        }
        Ok(())
    }

    fn put_snapshot(&self, number: i64, snapshot: &Snapshot) -> rusqlite::Result<()> {
        let sql = "INSERT INTO snapshots VALUES (?1, ?2, ?3, ?4) ON CONFLICT (number) DO UPDATE
            SET seq = excluded.seq, version = excluded.version, bytes = excluded.bytes";
        let seq = signed(snapshot.seq);
        self.connection
            .prepare_cached(sql)?
            .execute(params![number, seq, snapshot.version, snapshot.bytes.as_ref()])
            .map(|_| ())
    }
}

fn load_head(connection: &Connection, journal: &JournalId) -> rusqlite::Result<Head> {
    let number: Option<i64> = connection
        .prepare_cached("SELECT number FROM journals WHERE name = ?1")?
        .query_row([journal.as_ref()], |row| row.get(0))
        .optional()?;
    let Some(number) = number else { return Ok(Head::EMPTY) };
    let sql = "SELECT position, hash FROM journal WHERE position BETWEEN ?1 AND ?2
        ORDER BY position DESC LIMIT 1";
    let last: Option<(Seq, Hash)> = connection
        .prepare_cached(sql)?
        .query_row([position(number, 0), last_position(number)], |row| {
            Ok((seq_of(row.get(0)?), Hash(row.get(1)?)))
        })
        .optional()?;
    let (seq, hash) = last.unwrap_or((0, Hash::ZERO));
    Ok(Head { number: Some(number), seq, hash })
}

/// Key, then columns, in stored order.
fn row_values(row: &Row, sql: &RowSql) -> Vec<Arc<str>> {
    let mut values = row.key.values.clone();
    values.extend(check::column_values(row, &sql.columns));
    values
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("checked commits hold numbers that fit 63 bits")
}
