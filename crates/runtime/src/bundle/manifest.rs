//! What a bundle says of itself.

use std::collections::BTreeMap;

use mainstay_protocol::{AgentId, Hash, Seq, SessionId};
use serde::{Deserialize, Serialize};

/// The latest version that this binary reads and writes.
pub const BUNDLE_VERSION: u32 = 2;
/// The version of a bundle without blobs.
pub(super) const PLAIN_VERSION: u32 = 1;
/// What tells a bundle from other archives.
pub(super) const FORMAT: &str = "mainstay.session-bundle";
/// The archive's files.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const JOURNAL: &str = "journal.jsonl";
pub(super) const SIGNATURE: &str = "signature.json";
/// What the names of blobs begin with.
pub(super) const BLOBS: &str = "blobs/";

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `mainstay.session-bundle`.
    pub format: String,
    /// The format's version.
    pub version: u32,
    /// The session.
    pub session: SessionId,
    /// Its agent, as of the journal's end.
    pub agent: BundledAgent,
    /// The journal's end.
    pub head: Head,
    /// When the bundle was made, Unix milliseconds.
    pub exported_at_ms: u64,
    /// SHA-256 of each other file but the signature, by its name.
    pub files: BTreeMap<String, String>,
}

/// An agent at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledAgent {
    /// Its id.
    pub id: AgentId,
    /// Its revision; 0 for an agent of the session alone.
    pub revision: u64,
}

/// The last entry of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its position.
    pub seq: Seq,
    /// Its hash.
    pub hash: Hash,
}

/// `signature.json`: over the bytes of `manifest.json`, which names the hash of everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    /// `ed25519`.
    pub(super) algorithm: String,
    /// 32 bytes, hexadecimal.
    pub(super) public_key: String,
    /// 64 bytes, hexadecimal.
    pub(super) signature: String,
}
