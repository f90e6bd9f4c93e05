//! The port's calls.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Checkpoint, Clock, CodeOutput, CodeRequest, ExecOutput, ExecRequest, Fate, FileInfo,
    NamedBlobs, OutputSink, Readiness, SandboxCapabilities, SandboxError, SandboxInfo, SandboxLog,
    SandboxRequest, SandboxSpec, Sandboxes, Saved, SavedFile, Terminal, TerminalRequest,
};
use mainstay_protocol::{EffectId, SessionId};

use super::super::{Driver, workspace};
use super::drivers::{DriverState, Drivers};
use super::guest::{Connector, Images};
use super::inner::Inner;
use super::memory;
use super::saved::{self, SavedLists};
use super::settings::{HubSettings, MIN_DISK_MIB, MIN_MEMORY_MIB, MIN_PROCESSES};
use super::slot::{Known, Live};
use super::tend;

/// The machines of this installation.
pub struct Hub {
    inner: Arc<Inner>,
    saved: SavedLists,
}

/// What the hub works with.
pub struct HubParts {
    /// Strongest first.
    pub drivers: Vec<Arc<dyn Driver>>,
    /// Where root images are.
    pub images: Arc<dyn Images>,
    /// What speaks with agents inside.
    pub connector: Arc<dyn Connector>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Hub {
    /// Finds the machines that run, and looks after them from now on. A driver is probed when it is first
    /// asked for a machine.
    ///
    /// # Errors
    /// When the folder of machines cannot be read.
    pub async fn start(settings: HubSettings, parts: HubParts) -> Result<Self, SandboxError> {
        let HubParts { drivers, images, connector, clock } = parts;
        let drivers = Drivers::new(drivers);
        let inner = Arc::new(Inner::new(settings, drivers, images, connector, clock));
        inner.end_unfinished().await?;
        inner.count_running().await?;
        inner.spawn(tend::tend(Arc::downgrade(&inner)));
        Ok(Self { inner, saved: SavedLists::default() })
    }

    /// What is known of the drivers.
    #[must_use]
    pub fn drivers(&self) -> Vec<DriverState> {
        self.inner.drivers.states()
    }

    /// Ends what waits for sessions, and starts no more. Machines of sessions go on.
    pub async fn stop(&self) {
        self.inner.pool.stop().await;
    }

    /// Parks and removes what is due now.
    ///
    /// # Errors
    /// When a machine cannot be parked or removed.
    pub async fn tend(&self) -> Result<(), SandboxError> {
        self.inner.tend_once().await
    }
}

/// What a machine that took another's place never saw may have run in that one. Whether the journal told
/// of it before is not known here, so that it is told with what ended.
fn known_to<T>(live: &Live, effect: &EffectId, fate: Fate<T>) -> Fate<T> {
    let record = live.record();
    match fate {
        Fate::Ended(output, readiness) => Fate::Ended(output, record.untold().unwrap_or(readiness)),
        Fate::NotRun if !record.has_seen_all_since(effect.minted_at_ms()) => Fate::Gone,
        known => known,
    }
}

#[async_trait]
impl Sandboxes for Hub {
    fn capabilities(&self) -> SandboxCapabilities {
        let settings = &self.inner.settings;
        let mut tiers = Vec::new();
        let mut notes = Vec::new();
        let mut parks_processes = false;
        for state in self.inner.drivers.states() {
            match state.works {
                Some(Ok(())) => {
                    tiers.push(state.tier);
                    let driver = self.inner.drivers.named(state.name);
                    parks_processes |=
                        driver.is_some_and(|driver| driver.capabilities().parks_processes);
                }
                Some(Err(unusable)) => notes.push(format!("{}: {unusable}", state.name)),
                None => notes.push(format!("{}: not tried yet", state.name)),
            }
        }
        tiers.dedup();
        SandboxCapabilities {
            tiers,
            parks_processes,
            max_cpus: settings.max_cpus,
            max_memory_mib: settings.max_memory_mib,
            max_disk_mib: settings.max_disk_mib,
            notes,
        }
    }

    async fn check(&self, spec: &SandboxSpec) -> Result<(), SandboxError> {
        let settings = &self.inner.settings;
        let bounds: [(&str, u64, u64, u64); 4] = [
            ("cpus", spec.cpus.into(), 1, settings.max_cpus.into()),
            ("memory_mib", spec.memory_mib, MIN_MEMORY_MIB, settings.max_memory_mib),
            ("disk_mib", spec.disk_mib, MIN_DISK_MIB, settings.max_disk_mib),
            (
                "processes",
                spec.processes.into(),
                MIN_PROCESSES.into(),
                settings.max_processes.into(),
            ),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(SandboxError::Invalid(format!(
                    "{name} is {value}, and this server gives {least} to {most}"
                )));
            }
        }
        if let Some(host_mib) = settings.host_memory_mib.filter(|host| *host < spec.memory_mib) {
            return Err(SandboxError::Invalid(format!(
                "memory_mib is {}, and this server's host has {host_mib}: ask for a smaller machine",
                spec.memory_mib
            )));
        }
        self.inner.images.image(&spec.image).map_err(SandboxError::Invalid)?;
        self.inner.drivers.pick(spec.tier).await.map(drop)
    }

    async fn ready(&self, request: &SandboxRequest) -> Result<Readiness, SandboxError> {
        let used = self.inner.take(request).await?;
        let ((), readiness) = self.inner.give_back(used, Ok(())).await?;
        Ok(readiness)
    }

    async fn exec(
        &self,
        request: &SandboxRequest,
        exec: ExecRequest,
        sink: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError> {
        let used = self.inner.take_for(request, &exec.effect).await?;
        let kills = self.inner.memory_kills(&used.live).await;
        let mut outcome = used.live.guest.exec(exec, sink).await;
        if let (Some(before), Ok(output)) = (kills, &mut outcome)
            && memory::may_be_victim(output.end)
        {
            let after = self.inner.memory_kills(&used.live).await;
            output.end = memory::end(output.end, before, after);
        }
        self.inner.give_back(used, outcome).await
    }

    async fn exec_fate(
        &self,
        session: &SessionId,
        effect: &EffectId,
    ) -> Result<Fate<ExecOutput>, SandboxError> {
        if self.inner.calls.is_unsent(session, effect) {
            return Ok(Fate::NotRun);
        }
        let _call = self.inner.slot(session).hold();
        match self.inner.peek(session).await? {
            Some(live) => Ok(known_to(&live, effect, live.guest.exec_fate(effect).await?)),
            None => Ok(Fate::Gone),
        }
    }

    async fn code(
        &self,
        request: &SandboxRequest,
        code: CodeRequest,
        sink: Option<OutputSink>,
    ) -> Result<(CodeOutput, Readiness), SandboxError> {
        let used = self.inner.take_for(request, &code.effect).await?;
        let outcome = used.live.guest.code(code, sink).await;
        self.inner.give_back(used, outcome).await
    }

    async fn code_fate(
        &self,
        session: &SessionId,
        effect: &EffectId,
    ) -> Result<Fate<CodeOutput>, SandboxError> {
        if self.inner.calls.is_unsent(session, effect) {
            return Ok(Fate::NotRun);
        }
        let _call = self.inner.slot(session).hold();
        match self.inner.peek(session).await? {
            Some(live) => Ok(known_to(&live, effect, live.guest.code_fate(effect).await?)),
            None => Ok(Fate::Gone),
        }
    }

    async fn terminal(
        &self,
        request: &SandboxRequest,
        terminal: TerminalRequest,
    ) -> Result<(Box<dyn Terminal>, Readiness), SandboxError> {
        self.inner.terminal(request, terminal).await
    }

    async fn saved_files(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        folder: &str,
    ) -> Result<Arc<[SavedFile]>, SandboxError> {
        let Some(blobs) = self.inner.connector.blobs() else { return Ok(Arc::from([])) };
        self.saved.files(blobs, session, checkpoint, folder).await
    }

    async fn read_saved_file(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, SandboxError> {
        let Some(blobs) = self.inner.connector.blobs() else { return Ok(None) };
        saved::read(blobs, session, checkpoint, path, limit_bytes).await
    }

    async fn logs(
        &self,
        session: &SessionId,
        limit_bytes: usize,
    ) -> Result<Vec<SandboxLog>, SandboxError> {
        let (inner, folder) = (Arc::clone(&self.inner), self.inner.folder(session));
        self.inner.whole(async move { inner.logs(&folder, limit_bytes).await }).await
    }

    async fn read_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo, Readiness), SandboxError> {
        let used = self.inner.take(request).await?;
        let outcome = used.live.guest.read_file(path, offset, limit_bytes).await;
        let ((bytes, info), readiness) = self.inner.give_back(used, outcome).await?;
        Ok((bytes, info, readiness))
    }

    async fn write_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        content: Bytes,
    ) -> Result<Readiness, SandboxError> {
        let used = self.inner.take(request).await?;
        let outcome = used.live.guest.write_file(path, content).await;
        let ((), readiness) = self.inner.give_back(used, outcome).await?;
        Ok(readiness)
    }

    async fn list_files(
        &self,
        request: &SandboxRequest,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError> {
        let used = self.inner.take(request).await?;
        let guest = &used.live.guest;
        let outcome = guest.list_files(folder, is_recursive, after, limit_count).await;
        self.inner.give_back(used, outcome).await
    }

    async fn save(
        &self,
        session: &SessionId,
        connections_after: u64,
        last: Option<&Checkpoint>,
    ) -> Result<Saved, SandboxError> {
        let connections = self.inner.connector.connections(session, connections_after)?;
        let _call = self.inner.slot(session).hold();
        let Some(live) = self.inner.peek(session).await? else {
            return Ok(Saved { checkpoint: None, connections });
        };
        let _saving = live.saving.lock().await;
        // Files that change while they are read are changed after this.
        let saved_at_ms = self.inner.clock.now_ms();
        let checkpoint = match live.guest.save(last).await {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                if matches!(error, SandboxError::Broken(_)) {
                    self.inner.let_go(session, &live).await;
                }
                return Err(error);
            }
        };
        self.inner.keep_image(session, &live, &checkpoint).await;
        let used_at_ms = self.inner.slot(session).used_at_ms();
        live.note(|record| {
            record.saved_at_ms = Some(saved_at_ms);
            record.checkpoint = Some(checkpoint.clone());
            record.used_at_ms = record.used_at_ms.max(used_at_ms);
        })?;
        Ok(Saved { checkpoint: Some(checkpoint), connections })
    }

    async fn park(&self, session: &SessionId) -> Result<(), SandboxError> {
        let (inner, id) = (Arc::clone(&self.inner), session.clone());
        let is_parked = self.inner.whole(async move { inner.park_idle(&id).await }).await?;
        let is_there = |list: &[SandboxInfo]| list.iter().any(|info| info.session == *session);
        if is_parked || !is_there(&self.list().await?) {
            return Ok(());
        }
        match self.inner.known_slot(session).is_some_and(|slot| !slot.is_idle()) {
            true => Err(SandboxError::Invalid("the machine is in use".to_owned())),
            false => Ok(()),
        }
    }

    async fn fork(&self, from: &SessionId, to: &SandboxRequest) -> Result<bool, SandboxError> {
        let (inner, from, to) = (Arc::clone(&self.inner), from.clone(), to.clone());
        self.inner.whole(async move { inner.fork(&from, &to).await }).await
    }

    async fn destroy(&self, session: &SessionId) -> Result<(), SandboxError> {
        let slot = self.inner.slot(session);
        let mut known = Arc::clone(&slot.known).lock_owned().await;
        let (inner, id) = (Arc::clone(&self.inner), session.clone());
        let destroyed = self.inner.whole(async move {
            *known = Known::InFolder;
            inner.clear(&inner.folder(&id)).await?;
            inner.forget_image(&id).await?;
            inner.room.free(&id);
            inner.connector.forget(&id);
            inner.calls.forget(&id).map_err(|error| {
                SandboxError::Broken(format!("removing the list of calls of {id}: {error}"))
            })
        });
        let destroyed = destroyed.await;
        self.inner.drop_slot(session);
        destroyed
    }

    fn blobs_of(&self, blob: &[u8]) -> Result<NamedBlobs, SandboxError> {
        workspace::references(blob).map_err(|error| SandboxError::Invalid(error.to_string()))
    }

    async fn blobs_of_files(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        other: Option<&Checkpoint>,
        folder: &str,
    ) -> Result<Vec<String>, SandboxError> {
        let Some(blobs) = self.inner.connector.blobs() else { return Ok(Vec::new()) };
        let shelf = workspace::Shelf::new(blobs, session);
        Ok(workspace::blobs_of_files(checkpoint, other, shelf, folder).await?)
    }

    async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        self.inner.list().await
    }
}
