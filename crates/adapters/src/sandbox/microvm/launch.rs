//! Starting QEMU so that it outlives the server, and ending it.
//!
//! Invariant: QEMU is found by its folder alone, at whatever point the server was killed: by the record,
//! by the mark on its command line, and by its control group.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{Gid, Uid};
use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::time::timeout;

use super::arguments::{self, Cell, MARK, Vm};
use super::files::{AGENT_SOCKET, Files, INCOMING_SOCKET, QMP_SOCKET, READY_SOCKET, remove};
use super::limits::{MAX_START, MAX_WORDS_BYTES, QEMU_MEMORY_MIB, QEMU_THREADS};
use super::qmp::Qmp;
use super::record::Record;
use super::settings::{MicrovmSettings, UID_COUNT};
use super::socket;
use crate::sandbox::process::cgroup::{Bounds, Groups};
use crate::sandbox::process::procfs::{self, Process};

const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHELL: &str = "/bin/sh";
const KVM: &str = "/dev/kvm";
/// How often the groups of a machine are emptied: what is in them may still be starting processes.
const MAX_SWEEPS: u32 = 50;

/// What QEMUs are started with.
#[derive(Debug)]
pub(super) struct Launcher {
    pub(super) settings: MicrovmSettings,
    groups: Groups,
}

/// A QEMU that answers.
pub(super) struct Started {
    pub(super) qmp: Qmp,
    pub(super) process: Process,
}

impl Launcher {
    pub(super) fn new(settings: MicrovmSettings) -> Self {
        Self { settings, groups: Groups::find() }
    }

    /// The groups that cannot be made here.
    pub(super) fn groups_missing(&self) -> Vec<&'static str> {
        self.groups.missing()
    }

    /// Starts QEMU in a machine's folder, with this memory: a clone gets its template's.
    pub(super) async fn start(
        &self,
        files: &Files,
        vm: &Vm<'_>,
        memory: &OwnedFd,
    ) -> io::Result<Started> {
        let user = rustix::process::geteuid().is_root().then(|| self.user(files.folder()));
        for name in [AGENT_SOCKET, QMP_SOCKET, READY_SOCKET, INCOMING_SOCKET] {
            remove(&files.in_vm(name))?;
        }
        let listener = socket::listen(&files.vm(), READY_SOCKET)?;
        if let Some((user, _)) = user {
            hand_over(&files.vm(), user)?;
        }
        let bounds = Bounds {
            // A page that neither the template nor the machine had is there twice once it is written.
            memory_mib: vm.memory_mib.saturating_mul(2).saturating_add(QEMU_MEMORY_MIB),
            processes: vm.cpus.saturating_add(QEMU_THREADS),
            // A thread beside the processors' serves the devices.
            cpus: vm.cpus.saturating_add(1),
        };
        let group = self.groups.make(&group_name(files.folder()), &bounds)?;
        let doors = group.door_paths();
        let cell = Cell { folder: files.folder(), vm: &files.vm(), doors: &doors, user };
        let mut command = Command::new(SHELL);
        command.args(arguments::command(&self.settings, &cell, vm));
        command.env_clear().env("PATH", SEARCH).current_dir("/");
        command.stdout(Stdio::null()).stderr(File::create(files.log())?);
        command.stdin(memory.try_clone()?);
        let mut child = command.spawn()?;
        let answered = timeout(MAX_START, async {
            tokio::select! {
                accepted = listener.accept() => accepted.map(|(stream, _)| stream),
                ended = child.wait() => Err(io::Error::other(format!("QEMU ended with {}", ended?))),
            }
        });
        let seconds = MAX_START.as_secs();
        let silent = |_| io::Error::other(format!("QEMU does not answer within {seconds} s"));
        let stream = answered.await.map_err(silent)??;
        let qmp = Qmp::greet(stream).await.map_err(io::Error::other)?;
        let process = qmp.peer().and_then(Process::now);
        let process = process.ok_or_else(|| io::Error::other("QEMU ended"))?;
        Ok(Started { qmp, process })
    }

    /// Ends everything of a machine; its folder stays. Blocks.
    pub(super) fn end(&self, files: &Files) -> io::Result<()> {
        if let Some(qemu) = Record::read(files).and_then(|record| record.qemu) {
            qemu.kill()?;
        }
        let mark = [MARK.as_bytes(), files.folder().as_os_str().as_encoded_bytes()];
        for process in procfs::with_arguments(mark) {
            process.kill()?;
        }
        let group = self.groups.group(&group_name(files.folder()));
        for _ in 0..MAX_SWEEPS {
            let left: Vec<_> = group.processes().into_iter().filter_map(Process::now).collect();
            if left.is_empty() {
                break;
            }
            for process in left {
                process.kill()?;
            }
        }
        group.remove()
    }

    /// The user of a machine, and the group that may use KVM.
    fn user(&self, folder: &Path) -> (u32, u32) {
        let [a, b, ..] = digest(folder);
        let number = u32::from(u16::from_le_bytes([a, b])) % UID_COUNT;
        let user = self.settings.first_uid.saturating_add(number);
        let kvm = fs::metadata(KVM).map_or(user, |kvm| kvm.gid());
        (user, if kvm == 0 { user } else { kvm })
    }
}

/// What QEMU said last.
pub(super) fn words(files: &Files) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(files.log())?;
        let most = MAX_WORDS_BYTES as u64;
        let start = file.metadata()?.len().saturating_sub(most);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().replace('\n', "; "))
    };
    read().unwrap_or_default()
}

/// Gives QEMU's folder, and what is in it, to its user.
fn hand_over(vm: &Path, user: u32) -> io::Result<()> {
    let give = |path: &Path| {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(user));
        rustix::fs::chownat(
            rustix::fs::CWD,
            path,
            Some(user),
            Some(group),
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
        )
    };
    give(vm)?;
    for entry in fs::read_dir(vm)? {
        give(&entry?.path())?;
    }
    Ok(())
}

fn group_name(folder: &Path) -> String {
    format!("vm-{}", hex::encode(&digest(folder)[..12]))
}

fn digest(folder: &Path) -> [u8; 32] {
    Sha256::digest(folder.as_os_str().as_encoded_bytes()).into()
}
