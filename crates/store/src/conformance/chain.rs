//! Makes the commits and rows that the cases are written with.

use mainstay_protocol::{Entry, EntryDraft, Hash, JournalId, Row, RowKey, RowSpec, Seq};

use crate::Commit;

/// The row specs that the suite's stores are migrated to.
pub const SPECS: &[RowSpec] = &[
    RowSpec {
        name: "thing",
        key: &["tenant", "thing"],
        indexes: &[&["status", "updated"], &["owner"]],
    },
    RowSpec { name: "note", key: &["note"], indexes: &[] },
];

/// A row of the spec `thing`.
#[must_use]
pub fn thing(key: [&str; 2], status: &str, updated: &str, owner: &str, doc: u64) -> Row {
    let columns = [("status", status), ("updated", updated), ("owner", owner)];
    Row::new(RowKey::new(&SPECS[0], &key), &columns, &doc)
}

/// A row of the spec `note`.
#[must_use]
pub fn note(key: &str, doc: &str) -> Row {
    Row::new(RowKey::new(&SPECS[1], &[key]), &[], &doc)
}

/// The end of a journal, and what follows from it.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The journal.
    pub journal: JournalId,
    /// The epoch to commit under.
    pub epoch: u64,
    /// Position of the last entry.
    pub seq: Seq,
    /// Hash of the last entry.
    pub hash: Hash,
}

impl Chain {
    /// The empty journal of this name, not leased.
    #[must_use]
    pub fn new(journal: &str) -> Self {
        Self { journal: journal.into(), epoch: 0, seq: 0, hash: Hash::ZERO }
    }

    /// The next entries, sealed; the chain goes on behind them.
    pub fn entries(&mut self, payloads: &[&str]) -> Vec<Entry> {
        payloads.iter().map(|payload| self.entry(payload)).collect()
    }

    fn entry(&mut self, payload: &str) -> Entry {
        let draft = EntryDraft { kind: "test.happened", version: 1, payload: payload.to_owned() };
        let at = 1_700_000_000_000 + self.seq;
        self.seq += 1;
        let (principal, trace) = ("prn_test".into(), "".into());
        let entry = Entry::seal(draft, &self.journal, self.seq, self.hash, at, &principal, &trace);
        self.hash = entry.hash;
        entry
    }

    /// A commit of entries with these payloads; the chain goes on behind it.
    pub fn commit(&mut self, payloads: &[&str]) -> Commit {
        let expected_seq = self.seq;
        Commit {
            journal: self.journal.clone(),
            expected_seq,
            epoch: self.epoch,
            entries: self.entries(payloads),
            rows: Vec::new(),
            tasks: Vec::new(),
            snapshot: None,
            erases: false,
            adopts: None,
            frees: Vec::new(),
        }
    }
}
