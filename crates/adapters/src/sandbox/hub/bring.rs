//! Has a session's machine there: found running, brought back, or made.
//!
//! Invariant: `machine.json` says that a machine is being made before anything of it exists, and that it
//! is there only when it is ready for calls: what a crash leaves between is ended, never used.

use std::path::Path;
use std::sync::Arc;

use mainstay_core::port::{
    Checkpoint, Readiness, SandboxError, SandboxRequest, SandboxSetup, SandboxSpec,
};
use mainstay_protocol::SessionId;

use super::super::{Driver, DriverError, MachineSpec, Place};
use super::guest::{Guest, Introduction};
use super::inner::Inner;
use super::pool::Warm;
use super::record::{self, MachineRecord, Stage};
use super::setup;
use super::slot::Live;

/// What is made, where, for whom.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub(super) driver: &'a Arc<dyn Driver>,
    pub(super) folder: &'a Path,
    pub(super) spec: &'a MachineSpec,
    pub(super) request: &'a SandboxRequest,
}

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
        let readiness = live.record().untold().unwrap_or(Readiness::New);
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
        let place = record.place(folder);
        let readiness = match record.stage {
            Stage::Making => return Ok(None),
            Stage::Running if driver.is_running(&place).await => Readiness::Running,
            Stage::Running => return Ok(None),
            Stage::Parked if !record.is_whole(self.calls.boot()) => {
                tracing::warn!(session = %record.session, "the host ended just when a machine was parked");
                return Ok(None);
            }
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
        let guest = match self.connect(&driver, &place, introduction.clone()).await {
            Ok(guest) => guest,
            Err(error) => {
                tracing::warn!(%error, session = %record.session, "a machine does not answer");
                return Ok(None);
            }
        };
        let was_running = record.stage == Stage::Running;
        let told_resets = introduction.told_resets();
        let mut record = record;
        if let Some(told_resets) = told_resets {
            record.told(told_resets);
        }
        let record = match readiness {
            Readiness::Running => {
                MachineRecord { stage: Stage::Running, unflushed: None, ..record }
            }
            Readiness::New | Readiness::Restored { .. } | Readiness::Resumed { .. } => {
                MachineRecord {
                    stage: Stage::Running,
                    has_forgotten: true,
                    lives_since_ms: Some(self.clock.now_ms()),
                    untold_calls: Some(record.untold_calls.unwrap_or_default()),
                    told_resets,
                    unflushed: None,
                    ..record
                }
            }
        };
        let is_introduced = matches!(introduction, Introduction::Session(_));
        if !was_running {
            write(folder, &record)?;
        }
        let live = Live::new(folder.to_owned(), record, guest, is_introduced);
        Ok(Some((Arc::new(live), readiness)))
    }

    async fn make(
        &self,
        folder: &Path,
        request: &SandboxRequest,
        introduction: Introduction,
    ) -> Result<Arc<Live>, SandboxError> {
        let driver = self.drivers.pick(request.spec.tier).await?;
        let spec = self.machine_spec(&request.spec)?;
        let now_ms = self.clock.now_ms();
        self.pool.want(&driver, &request.spec, now_ms);
        let warm = self.pool.take(&driver, &spec);
        // What waits for a session takes no room beside the one that gets it.
        if let Err(error) = self.make_room(&request.session, &request.spec).await {
            self.pool.put_back(warm);
            return Err(error);
        }
        let record = MachineRecord::new(
            request.session.clone(),
            driver.name(),
            (*request.spec).clone(),
            spec.image.digest.clone(),
            now_ms,
        );
        create(folder)?;
        write(folder, &record)?;
        let making = Making { driver: &driver, folder, spec: &spec, request };
        let made = match self.resume(&making, &record, &introduction).await {
            Ok(None) => self.fill(&making, warm, record, introduction).await,
            Ok(Some(live)) => {
                self.pool.put_back(warm);
                Ok(live)
            }
            Err(error) => {
                self.pool.put_back(warm);
                Err(error)
            }
        };
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
        making: &Making<'_>,
        warm: Option<Warm>,
        record: MachineRecord,
        introduction: Introduction,
    ) -> Result<Arc<Live>, SandboxError> {
        let Making { folder, request, .. } = *making;
        let (record, guest) = self.start(making, warm, record, introduction).await?;
        let beginning = match &request.checkpoint {
            Some(checkpoint) => Beginning::Checkpoint(Arc::clone(checkpoint)),
            None => Beginning::Setup(Arc::clone(&request.setup)),
        };
        begin(guest.as_ref(), &beginning).await?;
        let checkpoint = request.checkpoint.as_deref().cloned();
        let is_first = is_first(request);
        let record = MachineRecord {
            stage: Stage::Running,
            saved_at_ms: checkpoint.is_some().then_some(record.created_at_ms),
            checkpoint,
            has_forgotten: !is_first,
            lives_since_ms: Some(self.clock.now_ms()),
            untold_calls: (!is_first).then_some(request.calls_since),
            told_resets: Some(request.told_resets),
            ..record
        };
        write(folder, &record)?;
        Ok(Arc::new(Live::new(folder.to_owned(), record, guest, true)))
    }

    /// A machine that answers: the one that waited, or a new one where that is of no use.
    async fn start(
        &self,
        making: &Making<'_>,
        warm: Option<Warm>,
        mut record: MachineRecord,
        introduction: Introduction,
    ) -> Result<(MachineRecord, Arc<dyn Guest>), SandboxError> {
        let Making { driver, folder, spec, .. } = *making;
        if let Some(warm) = warm {
            record.warm = Some(warm.name.clone());
            write(folder, &record)?;
            let place = record.place(folder);
            // An agent has one connection.
            drop(warm);
            match self.connect(driver, &place, introduction.clone()).await {
                Ok(guest) => return Ok((record, guest)),
                Err(error) => tracing::warn!(%error, "a machine that waited does not answer"),
            }
            self.end_place(driver, &place).await?;
            record.warm = None;
            write(folder, &record)?;
        }
        let place = record.place(folder);
        driver.boot(&place, spec).await.map_err(driver_error)?;
        let guest = self.connect(driver, &place, introduction).await?;
        Ok((record, guest))
    }

    /// Reaches the agent of a machine that runs. One that does not answer is greeted once more: nothing of
    /// what it does ends with that.
    pub(super) async fn connect(
        &self,
        driver: &Arc<dyn Driver>,
        place: &Place,
        introduction: Introduction,
    ) -> Result<Arc<dyn Guest>, SandboxError> {
        match self.greet(driver, place, introduction.clone()).await {
            Err(error) if driver.is_running(place).await => {
                tracing::warn!(%error, "a machine is greeted again");
                self.greet(driver, place, introduction).await
            }
            other => other,
        }
    }

    async fn greet(
        &self,
        driver: &Arc<dyn Driver>,
        place: &Place,
        introduction: Introduction,
    ) -> Result<Arc<dyn Guest>, SandboxError> {
        let stream = driver.connect(place).await.map_err(driver_error)?;
        self.connector.connect(stream, introduction).await
    }

    /// Ends whatever a folder holds, and removes it.
    pub(super) async fn clear(&self, folder: &Path) -> Result<(), SandboxError> {
        if !folder.exists() {
            return Ok(());
        }
        let known = MachineRecord::read(folder);
        let place = known.as_ref().map(|record| record.place(folder));
        let driver = known.and_then(|record| self.drivers.named(&record.driver));
        match (driver, place) {
            (Some(driver), Some(place)) => {
                self.end_place(&driver, &place).await?;
                remove(folder).await
            }
            _ => self.end_unknown(&Place::new(folder.to_owned())).await,
        }
    }

    /// Ends a machine whose driver is not known: each finds its own there, or nothing.
    pub(super) async fn end_unknown(&self, place: &Place) -> Result<(), SandboxError> {
        for driver in self.drivers.all() {
            driver.destroy(place).await.map_err(driver_error)?;
        }
        remove(place.folder()).await
    }

    /// Ends a machine, and removes the folder that its driver has it in.
    pub(super) async fn end_place(
        &self,
        driver: &Arc<dyn Driver>,
        place: &Place,
    ) -> Result<(), SandboxError> {
        driver.destroy(place).await.map_err(driver_error)?;
        remove(place.folder()).await
    }

    pub(super) fn machine_spec(&self, spec: &SandboxSpec) -> Result<MachineSpec, SandboxError> {
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

/// Removes a machine's folder.
pub(super) async fn remove(folder: &Path) -> Result<(), SandboxError> {
    let folder = folder.to_owned();
    let removed = tokio::task::spawn_blocking(move || record::remove(&folder)).await;
    removed
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(|error| SandboxError::Broken(format!("removing a machine's folder: {error}")))
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

pub(super) fn create(folder: &Path) -> Result<(), SandboxError> {
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
