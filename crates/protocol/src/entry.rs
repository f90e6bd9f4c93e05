//! The journal's envelope and its hash chain.
//!
//! Invariant: `hash` is SHA-256 over the raw bytes of the previous hash followed by the canonical
//! JSON (RFC 8785) of the object with the members `at, journal, kind, payload, principal, seq,
//! trace, version`. A journal therefore proves its own integrity, entry by entry.
//! Deliberately absent: what the payload means.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::canonical_json;

/// A first guess at the size of what stands before or behind a payload in what is hashed.
const ENVELOPE_CAPACITY_BYTES: usize = 256;

/// Position of an entry in its journal; the first is 1.
pub type Seq = u64;

/// The name of a journal: a session's id, or the id of a control journal (`control:<tenant>`).
pub type JournalId = Arc<str>;

/// A SHA-256 hash; in JSON, 64 hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first entry of a journal names as its predecessor.
    pub const ZERO: Self = Self([0; 32]);

    /// Reads 64 hexadecimal characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal characters"))
    }
}

/// What a decision wants to append, before it has a place in the chain.
#[derive(Debug, Clone)]
pub struct EntryDraft {
    /// Stable name of the fact, such as `turn.started`.
    pub kind: &'static str,
    /// Version of the payload's shape, from 1.
    pub version: u16,
    /// Canonical JSON.
    pub payload: String,
}

/// One fact of a journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The journal it belongs to.
    pub journal: JournalId,
    /// Its position, from 1, without gaps.
    pub seq: Seq,
    /// Stable name of the fact.
    pub kind: Arc<str>,
    /// Version of the payload's shape.
    pub version: u16,
    /// When it was decided, in Unix milliseconds.
    pub at: u64,
    /// Who caused it.
    pub principal: Arc<str>,
    /// W3C trace id of the request or turn, 32 hexadecimal characters, or empty.
    pub trace: Arc<str>,
    /// Hash of the entry before, or [`Hash::ZERO`].
    pub prev_hash: Hash,
    /// Hash of this entry.
    pub hash: Hash,
    /// The fact itself, as canonical JSON.
    pub payload: Box<RawValue>,
}

/// How a journal contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// An entry is missing or stands twice.
    #[error("journal {journal}: expected entry {expected}, found {found}")]
    Gap { journal: JournalId, expected: Seq, found: Seq },
    /// An entry does not name its predecessor's hash.
    #[error("journal {journal}: entry {seq} does not follow from the entry before it")]
    Broken { journal: JournalId, seq: Seq },
    /// An entry's content does not give its hash.
    #[error("journal {journal}: entry {seq} does not have the hash it claims")]
    Forged { journal: JournalId, seq: Seq },
}

impl Entry {
    /// Puts a draft at its place in a journal.
    #[must_use]
    pub fn seal(
        draft: EntryDraft,
        journal: &JournalId,
        seq: Seq,
        prev_hash: Hash,
        at: u64,
        principal: &Arc<str>,
        trace: &Arc<str>,
    ) -> Self {
        let mut entry = Self {
            journal: journal.clone(),
            seq,
            kind: draft.kind.into(),
            version: draft.version,
            at,
            principal: principal.clone(),
            trace: trace.clone(),
            prev_hash,
            hash: Hash::ZERO,
            payload: RawValue::from_string(draft.payload).expect("drafts hold canonical JSON"),
        };
        entry.hash = entry.computed_hash();
        entry
    }

    /// The hash that the entry's content gives.
    #[must_use]
    pub fn computed_hash(&self) -> Hash {
        // Members in the order RFC 8785 demands; the payload is canonical already.
        let mut before = Vec::with_capacity(ENVELOPE_CAPACITY_BYTES);
        number(&mut before, "{\"at\":", self.at);
        text(&mut before, ",\"journal\":", &self.journal);
        text(&mut before, ",\"kind\":", &self.kind);
        before.extend_from_slice(b",\"payload\":");
        let mut behind = Vec::with_capacity(ENVELOPE_CAPACITY_BYTES);
        text(&mut behind, ",\"principal\":", &self.principal);
        number(&mut behind, ",\"seq\":", self.seq);
        text(&mut behind, ",\"trace\":", &self.trace);
        number(&mut behind, ",\"version\":", self.version.into());
        behind.push(b'}');
        let hasher = Sha256::new().chain_update(self.prev_hash.0);
        let hasher = hasher.chain_update(before).chain_update(self.payload.get());
        Hash(hasher.chain_update(behind).finalize().into())
    }

    /// Checks this entry against the position and hash before it.
    pub fn verify_after(&self, prev_seq: Seq, prev_hash: Hash) -> Result<(), ChainError> {
        let journal = || self.journal.clone();
        if self.seq != prev_seq + 1 {
            return Err(ChainError::Gap {
                journal: journal(),
                expected: prev_seq + 1,
                found: self.seq,
            });
        }
        if self.prev_hash != prev_hash {
            return Err(ChainError::Broken { journal: journal(), seq: self.seq });
        }
        if self.computed_hash() != self.hash {
            return Err(ChainError::Forged { journal: journal(), seq: self.seq });
        }
        Ok(())
    }

    /// Whether the payload is in canonical form (an exported journal may have been reformatted).
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        serde_json::from_str::<serde_json::Value>(self.payload.get())
            .ok()
            .and_then(|value| canonical_json(&value).ok())
            .is_some_and(|text| text == self.payload.get())
    }
}

fn text(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    serde_json::to_writer(out, value).expect("texts serialise to memory");
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    write!(out, "{name}{value}").expect("memory takes what is written");
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
