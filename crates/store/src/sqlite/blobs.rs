//! Blobs as files, named by their SHA-256.
//!
//! Files rather than a table: a blob in SQLite is written twice and would push the write-ahead
//! log beyond its reserved size. Invariant: a file under its final name is whole and durable; what
//! is read is checked against its name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mainstay_protocol::{Hash, sha256_hex};

use crate::StoreError;
use crate::sqlite::error::{corrupt, from_io};
use crate::sqlite::folder::make_private;

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

    fn file(&self, hash: &str) -> PathBuf {
        self.folder.join(&hash[..2]).join(&hash[2..4]).join(hash)
    }

    /// Keeps bytes under their hash, durable on return.
    pub(super) fn put(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let hash = sha256_hex(bytes);
        let file = self.file(&hash);
        self.write(bytes, &file).map_err(|e| from_io(e, "write blob", &file))?;
        Ok(hash)
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

    /// The bytes of a hash.
    pub(super) fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        // Anything else cannot be a blob's name, and must not become a path.
        if Hash::parse(hash).is_none_or(|parsed| parsed.to_string() != hash) {
            return Ok(None);
        }
        let file = self.file(hash);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(from_io(e, "read blob", &file)),
        };
        if sha256_hex(&bytes) != hash {
            return Err(corrupt(format!(
                "blob {} does not have the hash it is named by",
                file.display()
            )));
        }
        Ok(Some(bytes))
    }
}
