//! Has a session's machine there: found running, brought back, or made.
//!
//! Invariant: `machine.json` says that a machine is being made before anything of it exists, and that it
//! is there only when it is ready for calls: what a crash leaves between is ended, never used.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mainstay_core::port::{
    Checkpoint, Readiness, SandboxError, SandboxRequest, SandboxSetup, SandboxSpec,
};
use mainstay_protocol::SessionId;

use super::super::{Driver, DriverError, MachineSpec, Place};
use super::guest::{Guest, Introduction};
use super::inner::Inner;
use super::record::{self, MachineRecord, Stage};
use super::setup;
use super::slot::Live;

/// What a new machine's workspace begins with.
enum Beginning {
    Checkpoint(Arc<Checkpoint>),
    Setup(Arc<SandboxSetup>),
}

impl Inner {
    /// The machine for a session's call.
    pub(super) async fn bring(
        &self,
        request: &SandboxRequest,
    ) -> Result<(Arc<Live>, Readiness), SandboxError> {
        let folder = self.folder(&request.session);
        let introduction = Introduction::Session(Box::new(request.clone()));
        if let Some(record) = MachineRecord::read(&folder)
            && record.spec == *request.spec
            && let Some(found) = self.find(&folder, record, &introduction).await?
        {
            return Ok(found);
        }
        self.clear(&folder).await?;
        let live = self.make(&folder, request, introduction).await?;
        let readiness = match is_first(request) {
            true => Readiness::New,
            false => Readiness::Restored { lost_calls: request.calls_since },
        };
        Ok((live, readiness))
    }

    /// The machine that is there, for whoever looks after it; none is made.
    pub(super) async fn look(
        &self,
        session: &SessionId,
    ) -> Result<Option<Arc<Live>>, SandboxError> {
        let folder = self.folder(session);
        let Some(record) = MachineRecord::read(&folder) else { return Ok(None) };
        let introduction = Introduction::Caretaker(session.clone());
        let found = self.find(&folder, record, &introduction).await?;
        if found.is_none() {
            self.room.free(session);
        }
        Ok(found.map(|(live, _)| live))
    }

    /// The machine of a folder, if it can go on.
    async fn find(
        &self,
        folder: &Path,
        record: MachineRecord,
        introduction: &Introduction,
    ) -> Result<Option<(Arc<Live>, Readiness)>, SandboxError> {
        let Some(driver) = self.drivers.named(&record.driver) else { return Ok(None) };
        let place = Place::new(folder.to_owned());
        let readiness = match record.stage {
            Stage::Making => return Ok(None),
            Stage::Running if driver.is_running(&place).await => Readiness::Running,
            Stage::Running => return Ok(None),
            Stage::Parked => {
                let spec = self.machine_spec(&record.spec)?;
                if spec.image.digest != record.image_digest {
                    return Ok(None);
                }
                self.make_room(&record.session, &record.spec).await?;
                if let Err(error) = driver.unpark(&place, &spec).await {
                    tracing::warn!(%error, session = %record.session, "a parked machine is lost");
                    return Ok(None);
                }
                match driver.capabilities().parks_processes {
                    true => Readiness::Running,
                    // Its files are as they were; its processes are gone.
                    false => Readiness::Restored { lost_calls: 0 },
                }
            }
        };
        let live = match self.connect(&driver, place, introduction).await {
            Ok(live) => live,
            Err(error) => {
                tracing::warn!(%error, session = %record.session, "a machine does not answer");
                return Ok(None);
            }
        };
        if let Some(checkpoint) = &record.checkpoint
            && let Err(error) = live.guest.recall(checkpoint).await
        {
            // Then the next save writes everything again.
            tracing::warn!(%error, session = %record.session, "a checkpoint cannot be read");
        }
        if record.stage != Stage::Running {
            let has_forgotten = record.has_forgotten || readiness != Readiness::Running;
            write(folder, &MachineRecord { stage: Stage::Running, has_forgotten, ..record })?;
        }
        Ok(Some((live, readiness)))
    }

    async fn make(
        &self,
        folder: &Path,
        request: &SandboxRequest,
        introduction: Introduction,
    ) -> Result<Arc<Live>, SandboxError> {
        let driver = self.drivers.pick(request.spec.tier).await?;
        let spec = self.machine_spec(&request.spec)?;
        self.make_room(&request.session, &request.spec).await?;
        let record = MachineRecord::new(
            request.session.clone(),
            driver.name(),
            (*request.spec).clone(),
            spec.image.digest.clone(),
            self.clock.now_ms(),
        );
        create(folder)?;
        write(folder, &record)?;
        let made = self.fill(&driver, folder, &spec, record, request, &introduction).await;
        if made.is_err() {
            // The first error is the one to tell; what stays is cleared at the next call or start.
            if let Err(error) = self.clear(folder).await {
                tracing::warn!(%error, "a machine that failed to start stays for now");
            }
            self.room.free(&request.session);
        }
        made
    }

    async fn fill(
        &self,
        driver: &Arc<dyn Driver>,
        folder: &Path,
        spec: &MachineSpec,
        record: MachineRecord,
        request: &SandboxRequest,
        introduction: &Introduction,
    ) -> Result<Arc<Live>, SandboxError> {
        let place = Place::new(folder.to_owned());
        driver.boot(&place, spec).await.map_err(driver_error)?;
        let live = self.connect(driver, place, introduction).await?;
        let beginning = match &request.checkpoint {
            Some(checkpoint) => Beginning::Checkpoint(Arc::clone(checkpoint)),
            None => Beginning::Setup(Arc::clone(&request.setup)),
        };
        begin(live.guest.as_ref(), &beginning).await?;
        let checkpoint = request.checkpoint.as_deref().cloned();
        let saved_at_ms = checkpoint.is_some().then_some(record.created_at_ms);
        let has_forgotten = !is_first(request);
        let record = MachineRecord {
            stage: Stage::Running,
            checkpoint,
            saved_at_ms,
            has_forgotten,
            ..record
        };
        write(folder, &record)?;
        Ok(live)
    }

    async fn connect(
        &self,
        driver: &Arc<dyn Driver>,
        place: Place,
        introduction: &Introduction,
    ) -> Result<Arc<Live>, SandboxError> {
        let stream = driver.connect(&place).await.map_err(driver_error)?;
        let guest = self.connector.connect(stream, introduction.clone()).await?;
        Ok(Arc::new(Live {
            place,
            guest,
            is_introduced: AtomicBool::new(matches!(introduction, Introduction::Session(_))),
            saving: tokio::sync::Mutex::default(),
        }))
    }

    /// Ends whatever a folder holds, and removes it.
    pub(super) async fn clear(&self, folder: &Path) -> Result<(), SandboxError> {
        if !folder.exists() {
            return Ok(());
        }
        let place = Place::new(folder.to_owned());
        let known = MachineRecord::read(folder);
        match known.and_then(|record| self.drivers.named(&record.driver)) {
            Some(driver) => driver.destroy(&place).await.map_err(driver_error)?,
            // Whose it was is not known: each driver finds its own there, or nothing.
            None => {
                for driver in self.drivers.all() {
                    driver.destroy(&place).await.map_err(driver_error)?;
                }
            }
        }
        let folder = folder.to_owned();
        let removed = tokio::task::spawn_blocking(move || record::remove(&folder)).await;
        removed
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| SandboxError::Broken(format!("removing a machine's folder: {error}")))
    }

    fn machine_spec(&self, spec: &SandboxSpec) -> Result<MachineSpec, SandboxError> {
        let image = self.images.image(&spec.image).map_err(SandboxError::Unavailable)?;
        Ok(MachineSpec {
            image: Arc::new(image),
            cpus: spec.cpus,
            memory_mib: spec.memory_mib,
            disk_mib: spec.disk_mib,
            processes: spec.processes,
        })
    }
}

/// Whether a session has had no machine before.
fn is_first(request: &SandboxRequest) -> bool {
    request.checkpoint.is_none() && request.calls_since == 0
}

async fn begin(guest: &dyn Guest, beginning: &Beginning) -> Result<(), SandboxError> {
    match beginning {
        Beginning::Checkpoint(checkpoint) => guest.restore(checkpoint).await,
        Beginning::Setup(setup) => setup::set_up(guest, setup).await,
    }
}

fn create(folder: &Path) -> Result<(), SandboxError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        SandboxError::Broken(format!("making a machine's folder {}: {error}", folder.display()))
    })
}

pub(super) fn write(folder: &Path, record: &MachineRecord) -> Result<(), SandboxError> {
    record.write(folder).map_err(|error| {
        SandboxError::Broken(format!("writing down a machine in {}: {error}", folder.display()))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(super) fn driver_error(error: DriverError) -> SandboxError {
    match error {
        DriverError::Broken { .. } => SandboxError::Broken(error.to_string()),
        DriverError::Full(_) => SandboxError::LimitReached(error.to_string()),
    }
}
