//! The driver: the contract's calls on microVMs.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use async_trait::async_trait;
use mainstay_core::port::SandboxTier;
use tokio::net::UnixStream;
use tokio::sync::{Mutex, OnceCell};

use super::disk;
use super::files::{AGENT_SOCKET, DISK, Files};
use super::launch::Launcher;
use super::machine::{self, Moment, blocking, forget_parked, last_words};
use super::probe::{Works, probe};
use super::record::Record;
use super::settings::{Acceleration, MicrovmSettings};
use super::socket;
use super::template::{self, Template};
use crate::sandbox::process::cgroup::DELEGATE;
use crate::sandbox::untrusted;
use crate::sandbox::{Driver, DriverCapabilities, DriverError, MachineSpec, Place, Unusable};

/// Templates whose memory this process holds for clones to come.
const MAX_HELD_TEMPLATES: usize = 4;

/// Runs microVMs under QEMU.
#[derive(Debug)]
pub struct MicrovmDriver {
    launcher: Arc<Launcher>,
    works: OnceCell<Result<Works, Unusable>>,
    templates: StdMutex<Held>,
}

/// A template that is there, or is being made.
type Slot = Arc<Mutex<Option<Arc<Template>>>>;

#[derive(Debug, Default)]
struct Held {
    slots: HashMap<String, Slot>,
    /// The keys, the one that was used last at the end.
    used: Vec<String>,
}

impl MicrovmDriver {
    /// With the operator's settings. Starts nothing.
    #[must_use]
    pub fn new(settings: MicrovmSettings) -> Self {
        Self {
            launcher: Arc::new(Launcher::new(settings)),
            works: OnceCell::new(),
            templates: StdMutex::default(),
        }
    }

    /// What runs guests here, once it was probed.
    #[must_use]
    pub fn acceleration(&self) -> Option<Acceleration> {
        Some(self.works.get()?.as_ref().ok()?.acceleration)
    }

    /// Has the template of such machines there, so that the first of them need not wait for it.
    pub async fn prepare(&self, spec: &MachineSpec) -> Result<(), DriverError> {
        let made = self.template(spec).await;
        made.map(drop).map_err(|error| broken("make a template", &error, ""))
    }

    /// Starts a machine without a template, for whoever wants to know what that takes. It cannot be parked
    /// or copied.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn boot_cold(&self, place: &Place, spec: &MachineSpec) -> Result<(), DriverError> {
        let files = files("boot a machine", place)?;
        let booted = async {
            let works = self.works().await.clone().map_err(io::Error::other)?;
            clear(&files)?;
            template::boot(&self.launcher, &files, spec, works.acceleration).await.map(drop)
        };
        match booted.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.give_up("boot a machine", &files, error).await),
        }
    }

    async fn works(&self) -> &Result<Works, Unusable> {
        self.works.get_or_init(|| probe(&self.launcher)).await
    }

    async fn template(&self, spec: &MachineSpec) -> io::Result<(Arc<Template>, Acceleration)> {
        let works = self.works().await.clone().map_err(io::Error::other)?;
        let key = template::key(spec, works.acceleration, &works.qemu);
        let slot = self.slot(&key);
        let mut slot = slot.lock().await;
        if let Some(template) = slot.as_ref().filter(|template| !template.has_grown()) {
            return Ok((Arc::clone(template), works.acceleration));
        }
        let made = template::ensure(&self.launcher, spec, works.acceleration, &key).await?;
        let made = Arc::new(made);
        *slot = Some(Arc::clone(&made));
        Ok((made, works.acceleration))
    }

    fn slot(&self, key: &str) -> Slot {
        let mut held = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        held.used.retain(|used| used != key);
        held.used.push(key.to_owned());
        if held.used.len() > MAX_HELD_TEMPLATES {
            // Its clones keep the memory that they share until they end.
            let oldest = held.used.remove(0);
            held.slots.remove(&oldest);
        }
        Arc::clone(held.slots.entry(key.to_owned()).or_default())
    }

    /// Ends what was started in a folder before. QEMU sees a folder of its own there, which is made before
    /// it is first started, so that without one there is nothing to look for in all of `/proc`.
    async fn end_earlier(&self, files: &Files) -> io::Result<()> {
        match files.vm().exists() {
            true => machine::end(&self.launcher, files).await,
            false => Ok(()),
        }
    }

    /// A new machine, on a copy of the template's disk.
    async fn boot_in(&self, files: &Files, spec: &MachineSpec) -> io::Result<()> {
        self.end_earlier(files).await?;
        let (template, acceleration) = self.template(spec).await?;
        forget_parked(files)?;
        clear(files)?;
        let (from, to) = (template.disk(), files.in_vm(DISK));
        blocking(move || disk::copy(&from, &to)).await?;
        let moment = Moment { state: template.state(), pages: None };
        machine::clone(&self.launcher, files, spec, acceleration, &template, &moment).await
    }

    /// A machine that goes on where its files say.
    async fn go_on(
        &self,
        files: &Files,
        spec: &MachineSpec,
        kept_against: &str,
        moment: &Moment,
    ) -> io::Result<()> {
        let (template, acceleration) = self.template(spec).await?;
        if template.id != kept_against {
            return Err(io::Error::other("the template that it was parked against is gone"));
        }
        machine::clone(&self.launcher, files, spec, acceleration, &template, moment).await?;
        forget_parked(files)
    }

    async fn unpark_in(&self, files: &Files, spec: &MachineSpec) -> io::Result<()> {
        let record = Record::read(files);
        if record.as_ref().is_some_and(Record::is_running) {
            // Who parked it did not get so far, or who brought it back did not say so.
            return machine::wake(files).await;
        }
        let record = record.filter(|record| record.is_parked);
        if let Some(record) = &record
            && machine::has_gone_on(files, record).await
        {
            return machine::goes_on(files, record);
        }
        let mut record = record.ok_or_else(|| io::Error::other("it is not parked"))?;
        match std::mem::take(&mut record.has_ended) {
            // From here on there may be one again.
            true => record.write(files)?,
            false => machine::end(&self.launcher, files).await?,
        }
        let moment = Moment { state: files.parked_state(), pages: Some(files.parked_pages()) };
        self.go_on(files, spec, &record.template, &moment).await
    }

    async fn fork_in(&self, files: &Files, to: &Files, spec: &MachineSpec) -> io::Result<()> {
        self.end_earlier(to).await?;
        clear(to)?;
        let (template, moment) = machine::copy(files, to).await?;
        self.go_on(to, spec, &template, &moment).await
    }

    async fn keep_in(&self, files: &Files, image: &Files) -> io::Result<()> {
        clear(image)?;
        let (template, _) = machine::copy(files, image).await?;
        let memory_mib = Record::read(files).map_or(0, |record| record.memory_mib);
        let mut record = Record::new(&template, memory_mib);
        record.is_parked = true;
        record.has_ended = true;
        record.write(image)
    }

    async fn resume_in(&self, image: &Files, files: &Files, spec: &MachineSpec) -> io::Result<()> {
        self.end_earlier(files).await?;
        clear(files)?;
        let (from, to) = (image.clone(), files.clone());
        blocking(move || {
            fs::copy(from.parked_state(), to.parked_state())?;
            fs::copy(from.parked_pages(), to.parked_pages())?;
            disk::copy(&from.in_vm(DISK), &to.in_vm(DISK))?;
            fs::copy(from.record(), to.record()).map(drop)
        })
        .await?;
        self.unpark_in(files, spec).await
    }

    /// What failed, with what the machine said; nothing of it runs on.
    async fn give_up(
        &self,
        attempted: &'static str,
        files: &Files,
        error: io::Error,
    ) -> DriverError {
        let said = last_words(files).await;
        // The first error is the one to tell.
        let _ = machine::end(&self.launcher, files).await;
        broken(attempted, &error, &said)
    }
}

fn broken(attempted: &'static str, error: &io::Error, said: &str) -> DriverError {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::OutOfMemory) {
        return DriverError::Full(error.to_string());
    }
    let reason = if said.is_empty() { error.to_string() } else { format!("{error} ({said})") };
    DriverError::Broken { attempted, reason }
}

fn files(attempted: &'static str, place: &Place) -> Result<Files, DriverError> {
    Files::of(place.folder()).map_err(|error| broken(attempted, &error, ""))
}

/// QEMU's folder, empty.
fn clear(files: &Files) -> io::Result<()> {
    match fs::remove_dir_all(files.vm()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir(files.vm())
}

#[async_trait]
impl Driver for MicrovmDriver {
    fn name(&self) -> &'static str {
        "qemu"
    }

    fn capabilities(&self) -> DriverCapabilities {
        DriverCapabilities { tier: SandboxTier::Microvm, parks_processes: true }
    }

    async fn probe(&self) -> Result<(), Unusable> {
        self.works().await.clone().map(drop)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let missing = self.launcher.groups_missing();
        if !missing.is_empty() {
            notes.push(format!(
                "microVM tier: no control group for {} can be made: a guest is held to its own memory, \
                 processors, processes and disk, and nothing bounds QEMU beside them; {DELEGATE}",
                missing.join(", ")
            ));
        }
        if !rustix::process::geteuid().is_root() {
            notes.push(
                "microVM tier: QEMU runs as the server's user, in namespaces, and not as a user of its \
                 own; run the server as root for that"
                    .to_owned(),
            );
        }
        notes
    }

    async fn boot(&self, place: &Place, spec: &MachineSpec) -> Result<(), DriverError> {
        let files = files("start a machine", place)?;
        match self.boot_in(&files, spec).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.give_up("start a machine", &files, error).await),
        }
    }

    async fn is_running(&self, place: &Place) -> bool {
        let Ok(files) = Files::of(place.folder()) else { return false };
        Record::read(&files).is_some_and(|record| record.is_running())
    }

    async fn connect(&self, place: &Place) -> Result<UnixStream, DriverError> {
        let files = files("reach a machine", place)?;
        let woken = machine::wake(&files).await;
        let connected = woken.and_then(|()| socket::connect(&files.in_vm(AGENT_SOCKET)));
        connected.map_err(|error| broken("reach a machine", &error, ""))
    }

    async fn park(&self, place: &Place) -> Result<(), DriverError> {
        let files = files("park a machine", place)?;
        let parked = machine::park(&self.launcher, &files).await;
        parked.map_err(|error| broken("park a machine", &error, ""))
    }

    async fn flush(&self, place: &Place) -> Result<bool, DriverError> {
        let attempted = "flush what was parked";
        let folder = place.folder().to_owned();
        let flushed = blocking(move || untrusted::flush(&folder)).await;
        flushed.map(|()| true).map_err(|error| broken(attempted, &error, ""))
    }

    async fn unpark(&self, place: &Place, spec: &MachineSpec) -> Result<(), DriverError> {
        let files = files("bring a machine back", place)?;
        match self.unpark_in(&files, spec).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.give_up("bring a machine back", &files, error).await),
        }
    }

    async fn fork(
        &self,
        place: &Place,
        copy: &Place,
        spec: &MachineSpec,
    ) -> Result<(), DriverError> {
        let (from, to) = (files("copy a machine", place)?, files("copy a machine", copy)?);
        match self.fork_in(&from, &to, spec).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.give_up("copy a machine", &to, error).await),
        }
    }

    async fn keep(&self, place: &Place, image: &Place) -> Result<(), DriverError> {
        let attempted = "keep a machine's memory";
        let (from, to) = (files(attempted, place)?, files(attempted, image)?);
        let kept = self.keep_in(&from, &to).await;
        kept.map_err(|error| broken(attempted, &error, ""))
    }

    async fn resume(
        &self,
        image: &Place,
        place: &Place,
        spec: &MachineSpec,
    ) -> Result<(), DriverError> {
        let attempted = "bring a machine back";
        let (from, to) = (files(attempted, image)?, files(attempted, place)?);
        match self.resume_in(&from, &to, spec).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.give_up(attempted, &to, error).await),
        }
    }

    async fn gather_logs(&self, place: &Place) -> Result<(), DriverError> {
        let files = files("read a machine's console", place)?;
        let gathered = machine::gather_console(&files).await;
        gathered.map_err(|error| broken("read a machine's console", &error, ""))
    }

    async fn destroy(&self, place: &Place) -> Result<(), DriverError> {
        let Ok(files) = Files::of(place.folder()) else { return Ok(()) };
        let ended = machine::end(&self.launcher, &files).await;
        ended.map_err(|error| broken("end a machine", &error, ""))
    }
}
