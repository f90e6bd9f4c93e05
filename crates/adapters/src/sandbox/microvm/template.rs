//! Templates: machines that were booted once and stand still, warm.
//!
//! Invariant: a template in its place is whole and never changes; its id is its alone, so that pages
//! that were kept against it are never laid over another one. One process makes one at a time.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::agent;
use super::arguments::{Start, Vm};
use super::disk;
use super::files::{DISK, Files, MEMORY, STATE, open_untrusted};
use super::launch::{Launcher, Started};
use super::limits::{MAX_BOOT, MAX_TEMPLATE_COUNT, MAX_TEMPLATE_GROWTH_BYTES, SETTLING};
use super::machine::{blocking, end, last_words, save_state, stop};
use super::memory;
use super::record::Record;
use super::settings::Acceleration;
use super::ticks;
use crate::sandbox::{Machine, MachineSpec, untrusted};

/// Raised when a template is made differently, or QEMU is told other devices.
const RECIPE: &str = "template 4";
const FOLDER: &str = "templates";
const ID: &str = "id";
/// The kernel gives another one at every look.
const FRESH_ID: &str = "/proc/sys/kernel/random/uuid";

/// One that can be cloned.
#[derive(Debug)]
pub(super) struct Template {
    /// Its own, also among templates of the same key.
    pub(super) id: String,
    /// Its memory, sealed.
    pub(super) memory: OwnedFd,
    folder: PathBuf,
    /// What was allocated of its memory when it was read.
    allocated_bytes: u64,
}

impl Template {
    /// Whether its clones had so many pages allocated in its memory that a fresh one should be read.
    pub(super) fn has_grown(&self) -> bool {
        let now = memory::allocated_bytes(&self.memory).unwrap_or_default();
        now.saturating_sub(self.allocated_bytes) > MAX_TEMPLATE_GROWTH_BYTES
    }

    /// The state of its devices.
    pub(super) fn state(&self) -> PathBuf {
        self.folder.join(STATE)
    }

    /// Its disk.
    pub(super) fn disk(&self) -> PathBuf {
        self.folder.join(DISK)
    }

    /// Reads one from its folder.
    fn open(folder: PathBuf) -> io::Result<Self> {
        let id = fs::read_to_string(folder.join(ID))?;
        let memory = memory::sealed(&folder.join(MEMORY))?;
        // It was used now.
        File::create(folder.join("used"))?;
        let allocated_bytes = memory::allocated_bytes(&memory)?;
        Ok(Self { id, memory, folder, allocated_bytes })
    }
}

/// What a template's machines have in common.
pub(super) fn key(spec: &MachineSpec, acceleration: Acceleration, qemu: &str) -> String {
    let part = |path: &Path| path.parent().unwrap_or(path).to_string_lossy().into_owned();
    let words = [
        RECIPE.to_owned(),
        qemu.to_owned(),
        spec.image.digest.clone(),
        part(&spec.image.kernel),
        part(&spec.image.agent),
        spec.cpus.to_string(),
        spec.memory_mib.to_string(),
        spec.disk_mib.to_string(),
        format!("{acceleration:?}"),
    ];
    hex::encode(Sha256::digest(words.join("\n")))
}

/// Reads the template of this key, and makes it first when it is not there.
pub(super) async fn ensure(
    launcher: &Arc<Launcher>,
    spec: &MachineSpec,
    acceleration: Acceleration,
    key: &str,
) -> io::Result<Template> {
    let shelf = launcher.settings.scratch.join(FOLDER);
    let folder = shelf.join(key);
    let lock = shelf.join(format!("{key}.lock"));
    fs::create_dir_all(&shelf)?;
    // Another server may be making the same.
    let _lock = blocking(move || {
        let lock = File::create(lock)?;
        lock.lock().map(|()| lock)
    })
    .await?;
    let (place, is_there) = (folder.clone(), folder.join(ID).is_file());
    if is_there && let Ok(template) = blocking(move || Template::open(place)).await {
        return Ok(template);
    }
    let building = shelf.join(format!("{key}.new"));
    clear(&building)?;
    fs::create_dir_all(building.join("vm"))?;
    let files = Files::of(&building)?;
    let made = make(launcher, &files, spec, acceleration).await;
    let said = if made.is_err() { last_words(&files).await } else { String::new() };
    end(launcher, &files).await?;
    if let Err(error) = made {
        clear(&building)?;
        return Err(io::Error::other(format!("{error} ({said})")));
    }
    blocking(move || {
        finish(&files)?;
        clear(&folder)?;
        fs::rename(files.folder(), &folder)?;
        forget_old(&shelf, &folder)?;
        Template::open(folder)
    })
    .await
}

/// A machine that was not cloned.
pub(super) struct Booted {
    started: Started,
    machine: Machine,
    memory: OwnedFd,
}

/// Boots a machine to where its agent answers.
pub(super) async fn boot(
    launcher: &Arc<Launcher>,
    files: &Files,
    spec: &MachineSpec,
    acceleration: Acceleration,
) -> io::Result<Booted> {
    end(launcher, files).await?;
    let (path, size) = (files.in_vm(DISK), spec.disk_mib);
    blocking(move || disk::create(&path, size)).await?;
    let initrd = spec.image.initrd();
    let khz = blocking(ticks::khz).await?;
    let vm = Vm {
        cpus: spec.cpus,
        memory_mib: spec.memory_mib,
        disk_mib: spec.disk_mib,
        acceleration,
        root: &spec.image.disk,
        kernel: spec.image.kernel_kind,
        start: Start::Boot { kernel: &spec.image.kernel, initrd: &initrd, khz },
    };
    let memory = memory::fresh(spec.memory_mib)?;
    let started = launcher.start(files, &vm, &memory).await?;
    let mut record = Record::new("", spec.memory_mib);
    record.qemu = Some(started.process);
    record.write(files)?;
    let machine = agent::greet(files, MAX_BOOT).await.map_err(io::Error::other)?;
    Ok(Booted { started, machine, memory })
}

/// Boots a machine and stops it where it waits for work.
async fn make(
    launcher: &Arc<Launcher>,
    files: &Files,
    spec: &MachineSpec,
    acceleration: Acceleration,
) -> io::Result<()> {
    let booted = boot(launcher, files, spec, acceleration).await?;
    let Booted { mut started, machine, memory } = booted;
    machine.warm_up().await;
    drop(machine);
    // The agent looks for another host first; a clone is to begin where it waits for one.
    let _ = timeout(SETTLING, std::future::pending::<()>()).await;
    stop(&mut started.qmp).await?;
    save_state(&mut started.qmp, files, &files.folder().join(STATE)).await?;
    // QEMU writes what it has not, and goes.
    started.qmp.run("quit", json!({})).await.map_err(io::Error::other)?;
    let path = files.folder().join(MEMORY);
    blocking(move || {
        started.process.await_end()?;
        memory::write_down(memory, &path)
    })
    .await
}

/// Takes what QEMU wrote out of its folder, for nobody to change.
fn finish(files: &Files) -> io::Result<()> {
    let (from, to) = (files.in_vm(DISK), files.folder().join(DISK));
    open_untrusted(&from)?;
    fs::rename(&from, &to)?;
    rustix::fs::chown(&to, Some(rustix::process::geteuid()), Some(rustix::process::getegid()))?;
    fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
    fs::remove_dir_all(files.vm())?;
    // One with an id is believed to be whole, also by who starts on this host after a power cut.
    untrusted::flush(files.folder())?;
    fs::write(files.folder().join(ID), fs::read_to_string(FRESH_ID)?.trim())
}

/// Removes the templates that were not used for longest. Machines that are parked against one of them
/// are made anew from their checkpoints.
fn forget_old(shelf: &Path, kept: &Path) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(shelf)? {
        let path = entry?.path();
        if path != kept && path.join(ID).is_file() {
            let used = fs::metadata(path.join("used")).and_then(|used| used.modified());
            found.push((used.ok(), path));
        }
    }
    found.sort();
    let over = (found.len() + 1).saturating_sub(MAX_TEMPLATE_COUNT);
    found.iter().take(over).try_for_each(|(_, path)| clear(path))
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        cleared => cleared,
    }
}
