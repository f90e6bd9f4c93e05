//! Writing a bundle.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mainstay_core::port::Seals;
use mainstay_protocol::{ApiError, Entry, ErrorCode, SessionId, canonical_json, sha256_hex};
use serde::Serialize;

use super::archive::put;
use super::manifest::{
    BLOBS, BUNDLE_VERSION, BundledAgent, FORMAT, Head, JOURNAL, MANIFEST, Manifest, PLAIN_VERSION,
    SIGNATURE, Signature,
};

/// A session's entries and the blobs of its checkpoints as a bundle.
pub fn write_bundle(
    session: &SessionId,
    agent: BundledAgent,
    entries: &[Entry],
    blobs: &BTreeMap<String, Vec<u8>>,
    exported_at_ms: u64,
    seals: &dyn Seals,
) -> Result<Vec<u8>, ApiError> {
    let Some(last) = entries.last() else {
        return Err(internal(format!("session {session} has no entries")));
    };
    let mut journal = String::new();
    for entry in entries {
        let line = serde_json::to_string(entry).map_err(internal)?;
        writeln!(journal, "{line}").expect("a text takes every line");
    }
    let mut files = BTreeMap::from([(JOURNAL.to_owned(), sha256_hex(journal.as_bytes()))]);
    files.extend(blobs.keys().map(|hash| (format!("{BLOBS}{hash}"), hash.clone())));
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version: if blobs.is_empty() { PLAIN_VERSION } else { BUNDLE_VERSION },
        session: session.clone(),
        agent,
        head: Head { seq: last.seq, hash: last.hash },
        exported_at_ms,
        files,
    };
    let manifest = json(&manifest)?;
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |name: &str, content: &[u8]| {
        put(&mut archive, name, content, exported_at_ms).map_err(internal)
    };
    add(MANIFEST, manifest.as_bytes())?;
    // An installation without a key of its own signs nothing.
    if let Ok(signed) = seals.sign(manifest.as_bytes()) {
        add(SIGNATURE, json(&Signature::from(signed))?.as_bytes())?;
    }
    add(JOURNAL, journal.as_bytes())?;
    for (hash, bytes) in blobs {
        add(&format!("{BLOBS}{hash}"), bytes)?;
    }
    archive.into_inner().map_err(internal)
}

fn json<T: Serialize>(value: &T) -> Result<String, ApiError> {
    canonical_json(value).map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("a bundle could not be written: {error}"))
}
