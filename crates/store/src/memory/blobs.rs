//! Blobs in memory.
//!
//! Invariant: each has an owner.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_protocol::{JournalId, sha256_hex};

use crate::Adoption;

#[derive(Debug)]
struct Blob {
    bytes: Vec<u8>,
    owners: BTreeSet<JournalId>,
}

#[derive(Debug, Default)]
pub(super) struct Blobs(BTreeMap<String, Blob>);

impl Blobs {
    pub(super) fn put(&mut self, journal: &JournalId, bytes: &[u8]) -> String {
        let hash = sha256_hex(bytes);
        let new = || Blob { bytes: bytes.to_vec(), owners: BTreeSet::new() };
        self.0.entry(hash.clone()).or_insert_with(new).owners.insert(journal.clone());
        hash
    }

    pub(super) fn get(&self, journal: &JournalId, hash: &str) -> Option<Vec<u8>> {
        let blob = self.0.get(hash).filter(|blob| blob.owners.contains(journal));
        blob.map(|blob| blob.bytes.clone())
    }

    /// A blob that cannot be adopted.
    pub(super) fn missing<'a>(&self, adoption: &'a Adoption) -> Option<&'a str> {
        let has = |hash: &&String| {
            self.0.get(hash.as_str()).is_some_and(|blob| blob.owners.contains(&adoption.from))
        };
        adoption.hashes.iter().find(|hash| !has(hash)).map(String::as_str)
    }

    pub(super) fn adopt(&mut self, journal: &JournalId, adoption: &Adoption) {
        for hash in &adoption.hashes {
            if let Some(blob) = self.0.get_mut(hash) {
                blob.owners.insert(journal.clone());
            }
        }
    }

    /// Takes these blobs from a journal.
    pub(super) fn disown_some(&mut self, journal: &JournalId, hashes: &[String]) {
        for hash in hashes {
            let Some(blob) = self.0.get_mut(hash) else { continue };
            blob.owners.remove(journal);
            if blob.owners.is_empty() {
                self.0.remove(hash);
            }
        }
    }

    pub(super) fn disown(&mut self, journal: &JournalId) {
        self.0.retain(|_, blob| {
            blob.owners.remove(journal);
            !blob.owners.is_empty()
        });
    }
}
