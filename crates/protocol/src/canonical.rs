//! Canonical JSON (RFC 8785) and SHA-256, the two ingredients of every hash in Mainstay.

mod compound;
mod writer;

use serde::Serialize;
use sha2::{Digest, Sha256};

use self::writer::Writer;

/// A value that has no canonical JSON form (a map with keys that are not strings, a NaN).
#[derive(Debug, thiserror::Error)]
#[error("value has no canonical JSON form")]
pub struct CanonicalError(#[source] serde_json::Error);

/// The canonical JSON text of a value, as RFC 8785 defines it.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<String, CanonicalError> {
    let mut writer = Writer::new();
    value.serialize(&mut writer).map_err(CanonicalError)?;
    Ok(writer.into_text())
}

/// The canonical JSON text of a JSON value; it always has one.
#[must_use]
pub fn canonical_value(value: &serde_json::Value) -> String {
    canonical_json(value).expect("JSON values have string keys and finite numbers")
}

/// SHA-256 of the bytes, in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;
