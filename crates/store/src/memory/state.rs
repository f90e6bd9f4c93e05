//! Everything a memory store holds, and what commits do to it.
//!
//! Invariant: `apply` refuses a commit before it changes anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{Entry, Hash, JournalId, RowChange, RowSpec, Seq, TaskChange, TaskKey};

use crate::check::{self, Specs};
use crate::leases::Leases;
use crate::memory::blobs::Blobs;
use crate::memory::table::Table;
use crate::{Claim, ClaimRequest, ClaimWhat, Commit, Direction, EntryRange, Snapshot, StoreError};

#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) entries: Vec<Entry>,
    pub(super) snapshot: Option<Snapshot>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) specs: Arc<Specs>,
    pub(super) journals: BTreeMap<JournalId, Journal>,
    pub(super) tables: BTreeMap<&'static str, Table>,
    tasks: BTreeMap<TaskKey, u64>,
    pub(super) leases: Leases,
    pub(super) blobs: Blobs,
    pub(super) commit_count: u64,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            specs: Arc::default(),
            journals: BTreeMap::new(),
            tables: BTreeMap::new(),
            tasks: BTreeMap::new(),
            leases: Leases::new(0),
            blobs: Blobs::default(),
            commit_count: 0,
        }
    }

    pub(super) fn migrate(&mut self, list: &'static [RowSpec]) -> Result<(), StoreError> {
        let specs = check::specs(list)?;
        for (name, spec) in &specs {
            self.tables.entry(name).or_insert_with(|| Table::new(spec));
        }
        self.specs = Arc::new(specs);
        Ok(())
    }

    /// Applies a commit whose shape was checked; answers the journal's new end.
    pub(super) fn apply(&mut self, commit: Commit) -> Result<Seq, StoreError> {
        self.leases.check(&commit.journal, commit.epoch)?;
        self.check_head(&commit)?;
        let clash = check::insert_clash(&commit.rows, |key| {
            Ok::<_, StoreError>(self.tables[key.spec.as_ref()].get(key).is_some())
        })?;
        if let Some(key) = clash {
            let what = format!("row {:?} of {} exists", key.values, key.spec);
            return Err(StoreError::Conflict { journal: commit.journal, what });
        }
        if let Some(hash) = commit.adopts.as_ref().and_then(|adoption| self.blobs.missing(adoption))
        {
            return Err(check::not_adopted(&commit, hash));
        }

        for change in commit.rows {
            self.change_row(change);
        }
        for change in commit.tasks {
            match change {
                TaskChange::Put { key, due_at_ms } => self.tasks.insert(key, due_at_ms),
                TaskChange::Delete { key } => self.tasks.remove(&key),
            };
        }
        self.commit_count += 1;
        let seq = commit.expected_seq + commit.entries.len() as Seq;
        if commit.erases {
            self.blobs.disown(&commit.journal);
        }
        self.blobs.disown_some(&commit.journal, &commit.frees);
        if let Some(adoption) = &commit.adopts {
            self.blobs.adopt(&commit.journal, adoption);
        }
        if commit.entries.is_empty() && commit.snapshot.is_none() {
            return Ok(seq);
        }
        let journal = self.journals.entry(commit.journal).or_default();
        if commit.erases && !commit.entries.is_empty() {
            journal.entries.clear();
            journal.snapshot = None;
        }
        journal.entries.extend(commit.entries);
        if commit.snapshot.is_some() {
            journal.snapshot = commit.snapshot;
        }
        Ok(seq)
    }

    fn check_head(&self, commit: &Commit) -> Result<(), StoreError> {
        let last = self.journals.get(&commit.journal).and_then(|journal| journal.entries.last());
        let (seq, hash) = last.map_or((0, Hash::ZERO), |entry| (entry.seq, entry.hash));
        check::head(commit, seq, hash)
    }

    fn change_row(&mut self, change: RowChange) {
        let name = match &change {
            RowChange::Put(row) | RowChange::Insert(row) => &row.key.spec,
            RowChange::Delete(key) => &key.spec,
        };
        let table =
            self.tables.get_mut(name.as_ref()).expect("checked commits name declared specs");
        match change {
            RowChange::Put(row) | RowChange::Insert(row) => table.put(row),
            RowChange::Delete(key) => table.delete(&key),
        }
    }

    pub(super) fn entries(&self, journal: &JournalId, range: &EntryRange) -> Vec<Entry> {
        let Some(journal) = self.journals.get(journal) else { return Vec::new() };
        // Erased entries are missing at the beginning.
        let first = journal.entries.first().map_or(1, |entry| entry.seq);
        let index = |seq: Seq| {
            let behind = seq.saturating_add(1).saturating_sub(first);
            usize::try_from(behind).unwrap_or(usize::MAX).min(journal.entries.len())
        };
        match range.direction {
            Direction::Ascending => {
                let following = &journal.entries[index(range.after)..];
                following.iter().take(range.limit_count).cloned().collect()
            }
            Direction::Descending => {
                let before = &journal.entries[..index(range.after.saturating_sub(1))];
                before.iter().rev().take(range.limit_count).cloned().collect()
            }
        }
    }

    pub(super) fn claim(&mut self, request: &ClaimRequest) -> Vec<Claim> {
        let keys = match &request.what {
            ClaimWhat::Due { kind, limit_count } => {
                let mut due: Vec<_> = self
                    .tasks
                    .iter()
                    .filter(|(key, due_at_ms)| key.kind == *kind && **due_at_ms <= request.now_ms)
                    .filter(|(key, _)| self.leases.is_free(key, request.now_ms))
                    .map(|(key, due_at_ms)| (std::cmp::Reverse(*due_at_ms), key.clone()))
                    .collect();
                due.sort();
                due.into_iter().take(*limit_count).map(|(_, key)| key).collect()
            }
            ClaimWhat::One(key) if self.leases.may_claim(key, request) => vec![key.clone()],
            ClaimWhat::One(_) => Vec::new(),
        };
        keys.into_iter().map(|key| self.leases.grant(key, request)).collect()
    }
}
