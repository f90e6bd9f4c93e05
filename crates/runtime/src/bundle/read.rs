//! Reading a bundle.
//!
//! Invariant: a bundle that is read verifies whole: its files are those that the manifest names, with
//! their hashes; its journal is one unbroken chain that ends where the manifest says; a signature, if
//! there is one, is the manifest's.

use std::collections::BTreeMap;

use mainstay_protocol::{Entry, Hash, sha256_hex};

use super::archive::files;
use super::manifest::{
    BLOBS, BUNDLE_VERSION, FORMAT, JOURNAL, MANIFEST, Manifest, SIGNATURE, Signature,
};

/// The largest bundle that is read.
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024 * 1024;

/// A bundle that verifies.
#[derive(Debug)]
pub struct Bundle {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The session's journal.
    pub entries: Vec<Entry>,
    /// The blobs of its checkpoints, by their SHA-256.
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// The public key of whoever signed it, hexadecimal; none when nobody did.
    pub signed_by: Option<String>,
}

/// Why bytes are not a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Larger than any bundle that is read.
    #[error("the bundle is larger than {MAX_BUNDLE_BYTES} bytes")]
    TooLarge,
    /// Not an archive of plain files.
    #[error("the bundle is no archive of plain files: {0}")]
    Archive(#[source] std::io::Error),
    /// A file that must be there is not.
    #[error("the bundle has no file {0:?}")]
    Missing(String),
    /// A file that the manifest does not name, or that is there twice.
    #[error("the bundle has a file {0:?} that its manifest does not name once")]
    Surplus(String),
    /// A file's content is not what the manifest says.
    #[error("file {0:?} of the bundle is not what its manifest says")]
    Changed(String),
    /// A file does not have its shape.
    #[error("file {name:?} of the bundle cannot be read (line {line}): {source}")]
    Shape {
        /// The file.
        name: &'static str,
        /// Its line, from 1.
        line: usize,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
    /// Another format, or a later version.
    #[error(
        "the bundle is {format:?} version {version}; this version of mainstay reads {FORMAT:?} up to version {BUNDLE_VERSION}"
    )]
    Version {
        /// The format that it says it has.
        format: String,
        /// The version.
        version: u32,
    },
    /// The journal is not one unbroken chain.
    #[error("the bundle's journal does not verify: {0}")]
    Chain(#[source] mainstay_protocol::ChainError),
    /// The journal ends elsewhere than the manifest says, or is another session's.
    #[error("the bundle's journal is not the one that its manifest names")]
    Head,
    /// The signature is not the manifest's.
    #[error("the bundle's signature is not that of its manifest")]
    Signature,
}

/// Reads and verifies a bundle.
pub fn read_bundle(bytes: &[u8]) -> Result<Bundle, BundleError> {
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLarge);
    }
    let mut found = BTreeMap::new();
    for (name, content) in files(bytes).map_err(BundleError::Archive)? {
        if let Some(name) = found.insert(name.clone(), content).map(|_| name) {
            return Err(BundleError::Surplus(name));
        }
    }
    let mut take = |name: &str| found.remove(name);
    let missing = |name: &str| BundleError::Missing(name.to_owned());
    let text = take(MANIFEST).ok_or_else(|| missing(MANIFEST))?;
    let manifest = manifest(&text)?;
    let signed_by = match take(SIGNATURE) {
        None => None,
        Some(signature) => Some(signer(&signature, &text)?),
    };
    for (name, hash) in &manifest.files {
        let content = found.get(name).ok_or_else(|| BundleError::Missing(name.clone()))?;
        if sha256_hex(content) != *hash {
            return Err(BundleError::Changed(name.clone()));
        }
    }
    if let Some(name) = found.keys().find(|name| !manifest.files.contains_key(*name)) {
        return Err(BundleError::Surplus(name.clone()));
    }
    let journal = found.remove(JOURNAL).ok_or_else(|| missing(JOURNAL))?;
    let entries = journal_of(&manifest, &journal)?;
    let blobs = blobs_of(&manifest, found)?;
    Ok(Bundle { manifest, entries, blobs, signed_by })
}

/// What is left are blobs: the manifest says that each is what its name says.
fn blobs_of(
    manifest: &Manifest,
    left: BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, Vec<u8>>, BundleError> {
    let mut blobs = BTreeMap::new();
    for (name, content) in left {
        let hash = name.strip_prefix(BLOBS).filter(|_| manifest.version >= BUNDLE_VERSION);
        match hash {
            Some(hash) if manifest.files[&name] == hash => blobs.insert(hash.to_owned(), content),
            Some(_) | None => return Err(BundleError::Surplus(name)),
        };
    }
    Ok(blobs)
}

fn shape(name: &'static str, line: usize) -> impl FnOnce(serde_json::Error) -> BundleError {
    move |source| BundleError::Shape { name, line, source }
}

fn manifest(text: &[u8]) -> Result<Manifest, BundleError> {
    /// What every version has.
    #[derive(serde::Deserialize)]
    struct Mark {
        format: String,
        version: u32,
    }
    let Mark { format, version } = serde_json::from_slice(text).map_err(shape(MANIFEST, 1))?;
    if format != FORMAT || version == 0 || version > BUNDLE_VERSION {
        return Err(BundleError::Version { format, version });
    }
    serde_json::from_slice(text).map_err(shape(MANIFEST, 1))
}

fn signer(signature: &[u8], manifest: &[u8]) -> Result<String, BundleError> {
    let signature: Signature = serde_json::from_slice(signature).map_err(shape(SIGNATURE, 1))?;
    if !signature.verifies(manifest) {
        return Err(BundleError::Signature);
    }
    Ok(signature.public_key)
}

fn journal_of(manifest: &Manifest, journal: &[u8]) -> Result<Vec<Entry>, BundleError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut last = (0, Hash::ZERO);
    let lines = journal.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for (line, text) in (1..).zip(lines) {
        let entry: Entry = serde_json::from_slice(text).map_err(shape(JOURNAL, line))?;
        entry.verify_after(last.0, last.1).map_err(BundleError::Chain)?;
        if entry.journal.as_ref() != manifest.session.as_str() {
            return Err(BundleError::Head);
        }
        last = (entry.seq, entry.hash);
        entries.push(entry);
    }
    if last != (manifest.head.seq, manifest.head.hash) {
        return Err(BundleError::Head);
    }
    Ok(entries)
}
