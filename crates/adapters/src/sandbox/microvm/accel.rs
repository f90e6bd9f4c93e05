//! What runs guests on this machine: found out by starting one, and kept.
//!
//! Invariant: KVM is used only where a guest's agent has answered under it in time: that `/dev/kvm` is
//! there, and even that a machine can be made with it, proves nothing. The answer is kept as long as
//! kernel, agent, QEMU and host stay the same.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::arguments::{Start, Vm};
use super::files::{DISK, Files};
use super::launch::Launcher;
use super::limits::{MAX_BOOT, MAX_KVM_BOOT};
use super::machine::{blocking, end, last_words};
use super::memory;
use super::settings::Acceleration;
use super::{agent, disk, ticks};
use crate::sandbox::Image;

const FILE: &str = "acceleration.json";
const FOLDER: &str = "probe";
const PROBE_MEMORY_MIB: u64 = 256;
const PROBE_DISK_MIB: u64 = 64;

/// What was found out, and about what.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    about: String,
    acceleration: Acceleration,
}

/// QEMU's version, which is also whether it is there.
pub(super) async fn qemu_version(launcher: &Launcher) -> io::Result<String> {
    let mut command = Command::new(&launcher.settings.qemu);
    command.arg("--version").stdin(Stdio::null());
    let output = command.output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// What machines of this image run on; the error says why none comes up.
pub(super) async fn find(
    launcher: &Arc<Launcher>,
    image: &Image,
    qemu: &str,
) -> Result<Acceleration, String> {
    if let Some(set) = launcher.settings.acceleration {
        return Ok(set);
    }
    let scratch = &launcher.settings.scratch;
    let told = |error: io::Error| format!("{}: {error}", scratch.display());
    fs::create_dir_all(scratch).map_err(told)?;
    let lock = scratch.join("probe.lock");
    let locked = blocking(move || {
        let lock = fs::File::create(lock)?;
        lock.lock().map(|()| lock)
    });
    let _lock = locked.await.map_err(told)?;
    let about = about(image, qemu);
    if let Some(known) = known(&scratch.join(FILE)).filter(|known| known.about == about) {
        return Ok(known.acceleration);
    }
    let acceleration = try_all(launcher, image).await?;
    let text = serde_json::to_string(&Known { about, acceleration }).expect("plain members");
    fs::write(scratch.join(FILE), text).map_err(told)?;
    Ok(acceleration)
}

async fn try_all(launcher: &Arc<Launcher>, image: &Image) -> Result<Acceleration, String> {
    if may_have_kvm() && boots(launcher, image, Acceleration::Kvm, MAX_KVM_BOOT).await.is_ok() {
        return Ok(Acceleration::Kvm);
    }
    boots(launcher, image, Acceleration::Tcg, MAX_BOOT).await.map(|()| Acceleration::Tcg)
}

/// Whether it is worth a try.
fn may_have_kvm() -> bool {
    let is_ours = |line: &str| {
        line.starts_with("flags")
            && line.split_whitespace().any(|flag| matches!(flag, "vmx" | "svm"))
    };
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    processor.lines().any(is_ours)
        && fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok()
}

/// Boots a machine until its agent answers.
async fn boots(
    launcher: &Arc<Launcher>,
    image: &Image,
    acceleration: Acceleration,
    limit: Duration,
) -> Result<(), String> {
    let folder = launcher.settings.scratch.join(FOLDER);
    let prepared = prepare(launcher, &folder).await;
    let files = prepared.map_err(|error| format!("{}: {error}", folder.display()))?;
    let booted = boot(launcher, &files, image, acceleration, limit).await;
    let said = if booted.is_err() { last_words(&files).await } else { String::new() };
    let ended = end(launcher, &files).await.map_err(|error| error.to_string());
    // What stays is emptied by the next probe.
    let _ = fs::remove_dir_all(&folder);
    booted.map_err(|error| format!("{error} ({said})")).and(ended)
}

async fn prepare(launcher: &Arc<Launcher>, folder: &std::path::Path) -> io::Result<Files> {
    fs::create_dir_all(folder.join("vm"))?;
    let files = Files::of(folder)?;
    end(launcher, &files).await?;
    fs::remove_dir_all(files.vm())?;
    fs::create_dir(files.vm())?;
    let path: PathBuf = files.in_vm(DISK);
    blocking(move || disk::create(&path, PROBE_DISK_MIB)).await?;
    Ok(files)
}

async fn boot(
    launcher: &Arc<Launcher>,
    files: &Files,
    image: &Image,
    acceleration: Acceleration,
    limit: Duration,
) -> Result<(), String> {
    let initrd = image.initrd();
    let khz = blocking(ticks::khz).await.map_err(|error| error.to_string())?;
    let vm = Vm {
        cpus: 1,
        memory_mib: PROBE_MEMORY_MIB,
        disk_mib: PROBE_DISK_MIB,
        acceleration,
        root: &image.disk,
        kernel: image.kernel_kind,
        start: Start::Boot { kernel: &image.kernel, initrd: &initrd, khz },
    };
    let started = async {
        let memory = memory::fresh(PROBE_MEMORY_MIB)?;
        launcher.start(files, &vm, &memory).await
    };
    let _started = started.await.map_err(|error| error.to_string())?;
    agent::greet(files, limit).await.map(drop)
}

fn known(file: &std::path::Path) -> Option<Known> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// All that the answer depends on.
fn about(image: &Image, qemu: &str) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let (kernel, agent) = (image.kernel.display(), image.agent.display());
    format!("{kernel} {agent} {qemu} on {}", host.trim())
}
