//! One machine: cloned, parked, brought back, copied.
//!
//! Invariant: every step can be taken again after a crash at any point. A machine that is recorded as
//! parked has all of itself on disk, whether its QEMU is gone yet or not.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::arguments::{Start, Vm, incoming_inside, state_inside};
use super::disk;
use super::files::{DISK, Files, INCOMING_SOCKET, QMP_SOCKET, STATE, open_untrusted, remove};
use super::launch::{Launcher, Started, words};
use super::limits::{
    MAX_COMMAND, MAX_CONSOLE_BYTES, MAX_STATE_BYTES, MAX_WORDS_BYTES, SERIAL_BYTES,
};
use super::pages;
use super::qmp::Qmp;
use super::record::Record;
use super::settings::Acceleration;
use super::socket;
use super::template::Template;
use crate::sandbox::MachineSpec;
use crate::sandbox::driver::MIB;
use crate::sandbox::process::procfs::Process;

/// Where a clone goes on.
pub(super) struct Moment {
    /// The state of its devices.
    pub(super) state: PathBuf,
    /// The pages that differ from the template's.
    pub(super) pages: Option<PathBuf>,
}

/// Starts a clone on the disk that is in its folder.
pub(super) async fn clone(
    launcher: &Launcher,
    files: &Files,
    spec: &MachineSpec,
    acceleration: Acceleration,
    template: &Template,
    moment: &Moment,
) -> io::Result<()> {
    let vm = Vm {
        cpus: spec.cpus,
        memory_mib: spec.memory_mib,
        disk_mib: spec.disk_mib,
        acceleration,
        root: &spec.image.disk,
        kernel: spec.image.kernel_kind,
        start: Start::Clone,
    };
    let Started { mut qmp, process } = launcher.start(files, &vm, &template.memory).await?;
    let parked = Record::read(files).filter(|record| record.is_parked);
    if let Some(mut record) = parked {
        // From here on it may run, whether this process comes to say so or not.
        record.qemu = Some(process);
        record.write(files)?;
    }
    if let Some(pages) = &moment.pages {
        let (pages, size) = (pages.clone(), spec.memory_mib.saturating_mul(MIB));
        blocking(move || pages::load(process.pid, size, &pages)).await?;
    }
    let state = moment.state.clone();
    let state = blocking(move || fs::read(state)).await?;
    let uri = json!({ "uri": incoming_inside() });
    qmp.run("migrate-incoming", uri).await.map_err(io::Error::other)?;
    let loaded = async {
        let mut incoming = socket::connect(&files.in_vm(INCOMING_SOCKET))?;
        incoming.write_all(&state).await?;
        incoming.shutdown().await?;
        qmp.event("RESUME").await.map_err(io::Error::other)
    };
    let slow = |_| io::Error::other("QEMU does not load the devices' state");
    timeout(MAX_COMMAND, loaded).await.map_err(slow)??;
    let mut record = Record::new(&template.id, spec.memory_mib);
    record.qemu = Some(process);
    record.write(files)
}

/// Writes a running machine down and ends it.
pub(super) async fn park(launcher: &Arc<Launcher>, files: &Files) -> io::Result<()> {
    let mut record = running(files)?;
    let mut qmp = hold(files, &mut record).await?;
    let saved = save(&mut qmp, files, &record, &files.parked_state(), &files.parked_pages()).await;
    if let Err(error) = saved {
        // It goes on as if nothing had been asked.
        let _ = let_go(&mut qmp, files, &mut record).await;
        return Err(error);
    }
    record.is_held = false;
    record.is_parked = true;
    record.write(files)?;
    end(launcher, files).await?;
    record.has_ended = true;
    record.write(files)
}

/// Copies a running machine to another folder; gives where the copy goes on.
pub(super) async fn copy(files: &Files, to: &Files) -> io::Result<(String, Moment)> {
    let mut record = running(files)?;
    let mut qmp = hold(files, &mut record).await?;
    let moment = Moment { state: to.parked_state(), pages: Some(to.parked_pages()) };
    let copied = async {
        save(&mut qmp, files, &record, &to.parked_state(), &to.parked_pages()).await?;
        let (from, to) = (files.in_vm(DISK), to.in_vm(DISK));
        blocking(move || disk::copy(&from, &to)).await
    };
    let copied = copied.await;
    let goes_on = let_go(&mut qmp, files, &mut record).await;
    copied.and(goes_on)?;
    Ok((record.template, moment))
}

/// Stops a machine for a moment, which is written down before: who finds it stopped later can tell why.
async fn hold(files: &Files, record: &mut Record) -> io::Result<Qmp> {
    let mut qmp = control(files).await?;
    record.is_held = true;
    record.write(files)?;
    match stop(&mut qmp).await {
        Ok(()) => Ok(qmp),
        Err(error) => {
            let _ = let_go(&mut qmp, files, record).await;
            Err(error)
        }
    }
}

async fn let_go(qmp: &mut Qmp, files: &Files, record: &mut Record) -> io::Result<()> {
    qmp.run("cont", json!({})).await.map_err(io::Error::other)?;
    record.is_held = false;
    record.write(files)
}

/// Has a machine go on that was stopped by a server which was killed before it let it go.
pub(super) async fn wake(files: &Files) -> io::Result<()> {
    let mut record = running(files)?;
    match record.is_held {
        true => let_go(&mut control(files).await?, files, &mut record).await,
        false => Ok(()),
    }
}

/// Whether a machine that is recorded as parked was brought back by a server that was killed before it
/// said so. Then its disk is ahead of what was parked.
pub(super) async fn has_gone_on(files: &Files, record: &Record) -> bool {
    if record.has_ended || !record.qemu.is_some_and(Process::is_running) {
        return false;
    }
    let Ok(mut qmp) = control(files).await else { return false };
    let asked = qmp.run("query-status", json!({})).await;
    asked.is_ok_and(|answer| answer["status"] == "running")
}

/// Writes down that it runs.
pub(super) fn goes_on(files: &Files, record: &Record) -> io::Result<()> {
    let mut record = record.clone();
    (record.is_parked, record.is_held) = (false, false);
    record.write(files)?;
    forget_parked(files)
}

/// Ends whatever there is of a machine.
pub(super) async fn end(launcher: &Arc<Launcher>, files: &Files) -> io::Result<()> {
    let (launcher, files) = (Arc::clone(launcher), files.clone());
    blocking(move || launcher.end(&files)).await
}

/// What is left of being parked.
pub(super) fn forget_parked(files: &Files) -> io::Result<()> {
    remove(&files.parked_state())?;
    remove(&files.parked_pages())
}

/// What QEMU and the guest's kernel said last; for people.
pub(super) async fn last_words(files: &Files) -> String {
    let said = words(files);
    let Ok(mut qmp) = control(files).await else { return said };
    let serial = qmp.serial(MAX_WORDS_BYTES).await;
    let serial = serial.trim().replace(['\r', '\n'], " ");
    [said, serial].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Takes what came on the serial line to the machine's log.
pub(super) async fn gather_console(files: &Files) -> io::Result<()> {
    let said = control(files).await?.serial(SERIAL_BYTES).await;
    if said.is_empty() {
        return Ok(());
    }
    let path = files.console();
    blocking(move || {
        let mut text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        text.extend_from_slice(said.as_bytes());
        let over = text.len().saturating_sub(MAX_CONSOLE_BYTES);
        fs::write(path, &text[over..])
    })
    .await
}

/// The control channel of a running QEMU.
pub(super) async fn control(files: &Files) -> io::Result<Qmp> {
    let stream = socket::connect(&files.in_vm(QMP_SOCKET))?;
    Qmp::greet(stream).await.map_err(io::Error::other)
}

/// Stops the guest and has QEMU write its devices' state, which is taken out of its folder.
pub(super) async fn save_state(qmp: &mut Qmp, files: &Files, to: &Path) -> io::Result<()> {
    let asked = json!({ "filename": state_inside(), "live": false });
    qmp.run("xen-save-devices-state", asked).await.map_err(io::Error::other)?;
    let (from, to) = (files.in_vm(STATE), to.to_owned());
    blocking(move || {
        let mut source = open_untrusted(&from)?.take(MAX_STATE_BYTES + 1);
        let copied = io::copy(&mut source, &mut File::create(&to)?)?;
        remove(&from)?;
        match copied > MAX_STATE_BYTES {
            true => Err(io::Error::other("the devices' state is too large")),
            false => Ok(()),
        }
    })
    .await
}

pub(super) async fn stop(qmp: &mut Qmp) -> io::Result<()> {
    qmp.run("stop", json!({})).await.map(drop).map_err(io::Error::other)
}

/// Runs what waits for a disk or for another process where that holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

async fn save(
    qmp: &mut Qmp,
    files: &Files,
    record: &Record,
    state: &Path,
    pages: &Path,
) -> io::Result<()> {
    save_state(qmp, files, state).await?;
    let ended = || io::Error::other("QEMU ended");
    let process = record.qemu.filter(|process| process.is_running()).ok_or_else(ended)?;
    let (pages, size) = (pages.to_owned(), record.memory_mib.saturating_mul(MIB));
    blocking(move || pages::save(process.pid, size, &pages).map(drop)).await
}

fn running(files: &Files) -> io::Result<Record> {
    let record = Record::read(files).filter(Record::is_running);
    record.ok_or_else(|| io::Error::other("it does not run"))
}
