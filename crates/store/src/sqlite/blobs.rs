//! The bytes of large blobs as files, named by their SHA-256.
//!
//! Files rather than rows: a blob in SQLite is written twice and would push the write-ahead log beyond
//! its reserved size; small ones share the flush of a group of commits all the same. Invariant: a file
//! under its final name is whole and durable; what is read is checked against its name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mainstay_protocol::{Hash, sha256_hex};

use crate::StoreError;
use crate::sqlite::error::{corrupt, from_io};
use crate::sqlite::folder::make_private;

/// The largest blob that is a row.
pub(super) const INLINE_LIMIT_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
    /// Names the files being written; the folder is this process's own.
    written_count: AtomicU64,
}

impl Blobs {
    /// Opens the folder, removing what a crash left half written.
    pub(super) fn open(folder: PathBuf) -> Result<Self, StoreError> {
        let blobs = Self { folder, written_count: AtomicU64::new(0) };
        let unfinished = blobs.unfinished();
        let open = || {
            if unfinished.exists() {
                fs::remove_dir_all(&unfinished)?;
            }
            make_private(&unfinished)
        };
        open().map_err(|e| from_io(e, "make the blob folder", &unfinished))?;
        Ok(blobs)
    }

    fn unfinished(&self) -> PathBuf {
        self.folder.join("unfinished")
    }

    fn file(&self, hash: &Hash) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(&name[..2]).join(&name[2..4]).join(name)
    }

    /// Keeps bytes under their hash, durable on return.
    pub(super) fn put(&self, hash: &Hash, bytes: &[u8]) -> Result<(), StoreError> {
        let file = self.file(hash);
        self.write(bytes, &file).map_err(|e| from_io(e, "write blob", &file))
    }

    fn write(&self, bytes: &[u8], file: &Path) -> io::Result<()> {
        let outer = self.folder.as_path();
        let inner = file.parent().expect("a blob's file is in a folder of the blob folder");
        let middle = inner.parent().expect("which is in another one");
        make_private(inner)?;
        let is_there = file.metadata().is_ok_and(|found| found.len() == bytes.len() as u64);
        if !is_there {
            let number = self.written_count.fetch_add(1, Ordering::Relaxed);
            let unfinished = self.unfinished().join(number.to_string());
            let mut out = File::create(&unfinished)?;
            out.write_all(bytes)?;
            out.sync_all()?;
            fs::rename(&unfinished, file)?;
        }
        // Also when it is there: whoever wrote it may not have come this far.
        for folder in [inner, middle, outer] {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// The bytes of a hash that a journal has.
    pub(super) fn get(&self, hash: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.file(hash);
        match fs::read(&file) {
            Ok(bytes) => checked(hash, bytes).map(Some),
            // It was removed since it was looked up.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(from_io(e, "read blob", &file)),
        }
    }

    /// Removes a file; one that is not there is no failure.
    pub(super) fn remove(&self, hash: &Hash) -> Result<(), StoreError> {
        let file = self.file(hash);
        match fs::remove_file(&file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(from_io(e, "remove blob", &file)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// The hash that a blob is asked for by; anything else names none, and must not become a path.
pub(super) fn named(hash: &str) -> Option<Hash> {
    Hash::parse(hash).filter(|parsed| parsed.to_string() == hash)
}

/// Bytes that have the hash they are kept under.
pub(super) fn checked(hash: &Hash, bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    if sha256_hex(&bytes) == hash.to_string() {
        return Ok(bytes);
    }
    Err(corrupt(format!("blob {hash} does not have the hash it is named by")))
}
