//! The file that a download fills, and the check that gives it its name.
//!
//! Invariant: bytes are only ever appended; what is there at the start is a prefix of the file, or
//! the hash says so at the end.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::{PullError, SourceError, VerifyError};
use crate::model::embedded::files::ModelFile;

/// How much of a file is read at once to hash it.
const HASH_BUFFER_BYTES: usize = 1 << 20;

/// Reads the whole file in the folder and compares size and SHA-256. Blocks for seconds.
pub fn verify(model: &ModelFile, folder: &Path) -> Result<(), VerifyError> {
    verify_path(model, &model.path(folder))
}

fn verify_path(model: &ModelFile, path: &Path) -> Result<(), VerifyError> {
    let read = |cause| VerifyError::Read { path: path.to_owned(), cause };
    let mut file = File::open(path).map_err(read)?;
    let found_bytes = file.metadata().map_err(read)?.len();
    if found_bytes != model.size_bytes {
        return Err(VerifyError::Size { expected_bytes: model.size_bytes, found_bytes });
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(read)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let found = hex::encode(hash.finalize());
    if found != model.sha256 {
        return Err(VerifyError::Hash { expected: model.sha256, found });
    }
    Ok(())
}

/// A download that one process at a time works on.
pub(super) struct Partial {
    model: ModelFile,
    path: PathBuf,
    target: PathBuf,
    file: File,
    size_bytes: u64,
    /// Released when the file is closed.
    _lock: File,
}

impl Partial {
    /// Opens what is there, or begins.
    pub(super) fn open(model: &ModelFile, folder: &Path) -> Result<Self, PullError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |cause| PullError::Folder { action, path, cause }
        };
        fs::create_dir_all(folder).map_err(failed("create folder", folder))?;
        let lock_path = model.lock_path(folder);
        let lock = File::create(&lock_path).map_err(failed("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(PullError::Busy { path: model.path(folder) });
            }
            Err(TryLockError::Error(cause)) => return Err(failed("lock", &lock_path)(cause)),
        }
        let path = model.partial_path(folder);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(failed("open", &path))?;
        let size_bytes = file.metadata().map_err(failed("read the size of", &path))?.len();
        let target = model.path(folder);
        Ok(Self { model: *model, path, target, file, size_bytes, _lock: lock })
    }

    /// How much is there.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// How much is missing.
    pub(super) fn missing_bytes(&self) -> u64 {
        self.model.size_bytes.saturating_sub(self.size_bytes)
    }

    /// Adds bytes; never more than the file is to have.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let size_bytes = self.size_bytes + bytes.len() as u64;
        if size_bytes > self.model.size_bytes {
            let expected_bytes = self.model.size_bytes;
            return Err(VerifyError::Size { expected_bytes, found_bytes: size_bytes }.into());
        }
        self.file.write_all(bytes).map_err(|cause| self.write_error(cause))?;
        self.size_bytes = size_bytes;
        Ok(())
    }

    /// Throws away what is there.
    pub(super) fn restart(&mut self) -> Result<(), SourceError> {
        self.file.set_len(0).map_err(|cause| self.write_error(cause))?;
        self.size_bytes = 0;
        Ok(())
    }

    /// Where a source may put what it unpacks.
    pub(super) fn parts_folder(&self) -> PathBuf {
        self.path.with_extension("parts")
    }

    /// Checks the whole file and gives it its name.
    pub(super) async fn finish(&mut self) -> Result<PathBuf, SourceError> {
        let (model, path) = (self.model, self.path.clone());
        let checked = tokio::task::spawn_blocking(move || verify_path(&model, &path)).await;
        checked.map_err(|error| self.write_error(io::Error::other(error)))??;
        self.name().map_err(|cause| self.write_error(cause))?;
        Ok(self.target.clone())
    }

    /// The content reaches the disk before the name does, so that a power cut leaves no empty model.
    fn name(&self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)?;
        match self.target.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    fn write_error(&self, cause: io::Error) -> SourceError {
        SourceError::Write { path: self.path.clone(), cause }
    }
}
