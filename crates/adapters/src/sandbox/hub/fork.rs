//! Copies of machines that run, for sessions that begin as copies of others.
//!
//! Invariant: the copy is a machine of its own, with its own folder, name, randomness and way out; the
//! one that it is of goes on, and loses nothing when the copy fails. Deliberately absent: when sessions are
//! copied, and what their journals say of it.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{BlobError, Blobs, SandboxError, SandboxRequest};
use mainstay_protocol::{SessionId, sha256_hex};

use super::super::Place;
use super::bring::{create, driver_error, remove, write};
use super::guest::Introduction;
use super::inner::Inner;
use super::record::{MachineRecord, Stage};
use super::slot::{Known, Live};

/// The folder, in the copy's, of files on their way.
const FILES: &str = "files";

impl Inner {
    /// Copies one session's machine for another; whether there was one that runs and can be copied.
    pub(super) async fn fork(
        self: &Arc<Self>,
        from: &SessionId,
        to: &SandboxRequest,
    ) -> Result<bool, SandboxError> {
        let slot = self.slot(&to.session);
        let mut known = Arc::clone(&slot.known).lock_owned().await;
        let folder = self.folder(&to.session);
        if MachineRecord::read(&folder).is_some() {
            let text = format!("session {} has a machine already", to.session);
            return Err(SandboxError::Invalid(text));
        }
        // It is not parked meanwhile.
        let _call = self.slot(from).hold();
        let Some(live) = self.peek(from).await? else { return Ok(false) };
        let of = live.record();
        if of.spec != *to.spec {
            return Ok(false);
        }
        self.make_room(&to.session, &to.spec).await?;
        let copied = self.copy(&live, &of, to).await;
        match copied {
            Ok(copy) => {
                *known = Known::Live(Arc::new(copy));
                Ok(true)
            }
            Err(error) => {
                // The first error is the one to tell; what stays is cleared at the next call or start.
                if let Err(error) = self.clear(&folder).await {
                    tracing::warn!(%error, "a copy that failed stays for now");
                }
                self.room.free(&to.session);
                Err(error)
            }
        }
    }

    async fn copy(
        &self,
        live: &Live,
        of: &MachineRecord,
        to: &SandboxRequest,
    ) -> Result<Live, SandboxError> {
        let gone = || SandboxError::Broken(format!("there is no driver {}", of.driver));
        let driver = self.drivers.named(&of.driver).ok_or_else(gone)?;
        let spec = self.machine_spec(&of.spec)?;
        let folder = self.folder(&to.session);
        let now_ms = self.clock.now_ms();
        let record = MachineRecord::new(
            to.session.clone(),
            &of.driver,
            of.spec.clone(),
            of.image_digest.clone(),
            now_ms,
        );
        create(&folder)?;
        write(&folder, &record)?;
        let place = Place::new(folder.clone());
        let keeps_processes = driver.capabilities().parks_processes;
        match keeps_processes {
            true => driver.fork(live.place(), &place, &spec).await,
            false => driver.boot(&place, &spec).await,
        }
        .map_err(driver_error)?;
        let introduction = Introduction::Session(Box::new(to.clone()));
        let guest = self.connect(&driver, &place, introduction).await?;
        if !keeps_processes {
            let shelf = FolderBlobs::open(folder.join(FILES))?;
            let files = live.guest.files_to(&shelf).await?;
            guest.files_from(&shelf, &files).await?;
            remove(&shelf.0).await?;
        }
        let record = MachineRecord {
            stage: Stage::Running,
            // Files that the checkpoint has all are saved, also when nobody ever uses the copy.
            saved_at_ms: (to.checkpoint.is_some() && to.calls_since == 0).then_some(now_ms),
            checkpoint: to.checkpoint.as_deref().cloned(),
            has_forgotten: true,
            lives_since_ms: Some(self.clock.now_ms()),
            untold_calls: (!keeps_processes).then_some(0),
            told_resets: Some(to.told_resets),
            ..record
        };
        write(&folder, &record)?;
        Ok(Live::new(folder, record, guest, true))
    }
}

/// Blobs in a folder, for as long as files are on their way.
struct FolderBlobs(PathBuf);

impl FolderBlobs {
    fn open(folder: PathBuf) -> Result<Self, SandboxError> {
        create(&folder)?;
        Ok(Self(folder))
    }

    async fn with<T: Send + 'static>(
        &self,
        hash: &str,
        work: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BlobError> {
        let path = self.0.join(hash);
        let done = tokio::task::spawn_blocking(move || work(path)).await;
        let done = done.map_err(io::Error::other).flatten();
        done.map_err(|error| BlobError(format!("copying files by way of {hash}: {error}")))
    }
}

#[async_trait]
impl Blobs for FolderBlobs {
    async fn put(&self, _: &SessionId, bytes: Bytes) -> Result<String, BlobError> {
        let hash = sha256_hex(&bytes);
        self.with(&hash, move |path| fs::write(path, bytes)).await?;
        Ok(hash)
    }

    async fn get(&self, _: &SessionId, hash: &str) -> Result<Option<Bytes>, BlobError> {
        // The hash is of a blob that this folder was given.
        let read = |path| match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(|bytes| Some(Bytes::from(bytes))),
        };
        self.with(hash, read).await
    }
}
