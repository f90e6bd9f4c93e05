//! Memory images of checkpoints: what a machine goes on from after it was lost, on the host that has them.
//!
//! Invariant: an image is whole when its `image.json` is there, and is used for the checkpoint alone that it
//! was made with; there is one of a session, the newest. It is a help and no promise: whatever is wrong with
//! it, the machine is made from its workspace as ever. Deliberately absent: images on other hosts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use mainstay_core::port::{Checkpoint, SandboxError, SandboxSpec};
use mainstay_protocol::SessionId;
use serde::{Deserialize, Serialize};

use super::super::Place;
use super::bring::{Making, create, remove, write};
use super::guest::Introduction;
use super::inner::Inner;
use super::record::{self, MachineRecord, Stage};
use super::slot::Live;

/// The folder of images in the folder of machines.
const FOLDER: &str = ".images";
const FILE: &str = "image.json";
const VERSION: u32 = 1;

/// Of what machine it is, and when it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageRecord {
    version: u32,
    /// The root of the workspace that was saved with it.
    workspace: String,
    driver: String,
    spec: SandboxSpec,
    image_digest: String,
}

impl ImageRecord {
    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
    }
}

impl Inner {
    fn image_folder(&self, session: &SessionId) -> PathBuf {
        record::folder(&self.machines().join(FOLDER), session)
    }

    /// Keeps the memory of a machine that was just saved, if the operator wants it.
    pub(super) async fn keep_image(&self, session: &SessionId, live: &Live, saved: &Checkpoint) {
        let Some(driver) = self.drivers.named(live.driver()) else { return };
        if self.settings.memory_images == 0 || !driver.capabilities().parks_processes {
            return;
        }
        let kept = async {
            let folder = self.image_folder(session);
            // The one before is of another checkpoint now.
            remove(&folder).await?;
            create(&folder)?;
            let place = Place::new(folder.clone());
            driver.keep(live.place(), &place).await.map_err(super::bring::driver_error)?;
            driver.flush(&place).await.map_err(super::bring::driver_error)?;
            let of = live.record();
            let image = ImageRecord {
                version: VERSION,
                workspace: saved.workspace.clone(),
                driver: of.driver,
                spec: of.spec,
                image_digest: of.image_digest,
            };
            let text = serde_json::to_vec(&image).map_err(io::Error::other);
            let written = text.and_then(|text| fs::write(folder.join(FILE), text));
            written.map_err(|error| SandboxError::Broken(format!("writing an image: {error}")))?;
            self.bound_images().await
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, %session, "a checkpoint has no memory image");
        }
    }

    /// Removes the oldest images beyond the operator's bounds.
    async fn bound_images(&self) -> Result<(), SandboxError> {
        let shelf = self.machines().join(FOLDER);
        let listed = tokio::task::spawn_blocking(move || images(&shelf)).await;
        let failed =
            |error| SandboxError::Broken(format!("listing images of checkpoints: {error}"));
        let images = listed.map_err(io::Error::other).flatten().map_err(failed)?;
        let most_bytes = self.settings.max_memory_images_mib.saturating_mul(1 << 20);
        let mut bytes = 0_u64;
        for (number, image) in images.into_iter().enumerate() {
            bytes = bytes.saturating_add(image.size_bytes);
            if number >= self.settings.memory_images || bytes > most_bytes {
                remove(&image.folder).await?;
            }
        }
        Ok(())
    }

    /// Forgets a session's image.
    pub(super) async fn forget_image(&self, session: &SessionId) -> Result<(), SandboxError> {
        remove(&self.image_folder(session)).await
    }

    /// The machine as its checkpoint's image has it; none when there is no image that fits and works.
    pub(super) async fn resume(
        &self,
        making: &Making<'_>,
        record: &MachineRecord,
        introduction: &Introduction,
    ) -> Result<Option<Arc<Live>>, SandboxError> {
        let Making { driver, folder, spec, request } = *making;
        let Some(checkpoint) = &request.checkpoint else { return Ok(None) };
        let image = self.image_folder(&request.session);
        let wanted = ImageRecord {
            version: VERSION,
            workspace: checkpoint.workspace.clone(),
            driver: driver.name().to_owned(),
            spec: (*request.spec).clone(),
            image_digest: spec.image.digest.clone(),
        };
        if ImageRecord::read(&image) != Some(wanted) {
            return Ok(None);
        }
        let place = Place::new(folder.to_owned());
        let resumed = async {
            let resumed = driver.resume(&Place::new(image), &place, spec).await;
            resumed.map_err(super::bring::driver_error)?;
            self.connect(driver, &place, introduction.clone()).await
        };
        let guest = match resumed.await {
            Ok(guest) => guest,
            Err(error) => {
                tracing::warn!(%error, session = %request.session, "a memory image is of no use");
                driver.destroy(&place).await.map_err(super::bring::driver_error)?;
                self.forget_image(&request.session).await?;
                return Ok(None);
            }
        };
        let record = MachineRecord {
            stage: Stage::Running,
            saved_at_ms: Some(record.created_at_ms),
            checkpoint: Some(checkpoint.as_ref().clone()),
            has_forgotten: true,
            lives_since_ms: Some(self.clock.now_ms()),
            untold_calls: Some(request.calls_since),
            told_resets: Some(request.told_resets),
            is_resumed: true,
            warm: None,
            ..record.clone()
        };
        write(folder, &record)?;
        Ok(Some(Arc::new(Live::new(folder.to_owned(), record, guest, true))))
    }
}

/// An image on disk.
struct Kept {
    made: Option<SystemTime>,
    folder: PathBuf,
    size_bytes: u64,
}

/// The newest first; what is not whole is the oldest.
fn images(shelf: &Path) -> io::Result<Vec<Kept>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(shelf)? {
        let folder = entry?.path();
        let made = fs::metadata(folder.join(FILE)).and_then(|file| file.modified()).ok();
        found.push(Kept { made, size_bytes: size_bytes(&folder)?, folder });
    }
    found.sort_by_key(|image| std::cmp::Reverse(image.made));
    Ok(found)
}

/// What a folder's files take of the disk.
fn size_bytes(folder: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    const BLOCK_BYTES: u64 = 512;
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += match metadata.is_dir() {
            true => size_bytes(&entry.path())?,
            false => metadata.blocks() * BLOCK_BYTES,
        };
    }
    Ok(sum)
}
