//! One machine of the process tier: started, found, ended.
//!
//! Invariant: every step can be taken again after a crash at any point; ending one finds its processes by
//! the record, by the name they were started under, and by its control group. All of it blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Gid, Uid};
use sha2::{Digest, Sha256};

use super::super::MachineSpec;
use super::arguments::{AGENT_INSIDE, Sources};
use super::cgroup::{Bounds, Groups};
use super::disk::{DiskMaker, Ending};
use super::launch::{self, Launch};
use super::limits::{self, ProcessLimits};
use super::procfs::{self, Process};
use super::record::Record;
use super::seccomp::Filters;
use super::settings::{ProcessSettings, UID_COUNT};
use super::socket;
use super::stage::{Root, Stage};
use crate::sandbox::driver::MIB;

/// Memory and processes that the agent and its interpreters need beside what was asked for.
const AGENT_MEMORY_MIB: u64 = 16;
const AGENT_PROCESSES: u32 = 32;
/// What the agent and bubblewrap say, at most, in an error.
const MAX_SAID_BYTES: u64 = 2000;
/// How often the groups of a machine are emptied: what is in them may still be starting processes.
const MAX_SWEEPS: u32 = 50;

/// The folder of a machine that its commands see.
const WORKSPACE: &str = "workspace";

/// What machines are made with.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) settings: ProcessSettings,
    pub(super) filters: Filters,
    pub(super) groups: Groups,
    /// None where machines have no disks of their own.
    pub(super) disks: Option<DiskMaker>,
    /// Whether the probe found that disks cannot be used after all.
    pub(super) is_diskless: AtomicBool,
}

/// What a machine runs, and on what.
pub(super) struct Content<'a> {
    pub(super) tree: &'a Path,
    /// Entries of the tree that are shown; all when none.
    pub(super) only: Option<&'a [&'a str]>,
    /// The agent; none runs the program of the tree.
    pub(super) agent: Option<&'a Path>,
    pub(super) program: &'a [&'a str],
}

impl Maker {
    /// Starts a machine in its folder, on the workspace that is there.
    pub(super) fn boot(&self, folder: &Path, spec: &MachineSpec) -> io::Result<Record> {
        // Its workspace is made before anything is started in a folder: without one there is nothing to
        // look for in all of `/proc`.
        if folder.join(WORKSPACE).exists() {
            self.end(folder)?;
        }
        let listener = OwnedFd::from(socket::listen(folder)?);
        let content = Content {
            tree: &spec.image.tree,
            only: None,
            agent: Some(&spec.image.agent),
            program: &[AGENT_INSIDE, "--listen-fd", "0"],
        };
        self.start(folder, &content, spec, listener.into())
    }

    /// Starts a program in isolation.
    pub(super) fn start(
        &self,
        folder: &Path,
        content: &Content<'_>,
        spec: &MachineSpec,
        stdin: Stdio,
    ) -> io::Result<Record> {
        let folder = folder.canonicalize()?;
        let user = rustix::process::geteuid().is_root().then(|| self.user(&folder));
        let workspace = workspace(&folder, user)?;
        let memory_mib = spec.memory_mib.saturating_add(AGENT_MEMORY_MIB);
        let processes = spec.processes.saturating_add(AGENT_PROCESSES);
        let bounds = Bounds { memory_mib, processes, cpus: spec.cpus };
        let group = self.groups.make(&group_name(&folder), &bounds)?;
        let limits = limits::list(&ProcessLimits {
            file_mib: spec.disk_mib,
            processes,
            memory_mib: (!self.groups.limits_memory()).then_some(memory_mib),
        });
        let sources = Sources {
            listed: content.tree,
            tree: content.tree,
            only: content.only,
            workspace: &workspace,
            agent: content.agent,
        };
        let disk = match (self.disks(), user) {
            (Some(disks), Some(_)) => Some(disks.attach(&folder, spec.disk_mib)?),
            _ => None,
        };
        let device = disk.as_ref().map(|disk| disk.path.as_path());
        let root = user.map(|user| Root::new(&sources, device, user, limits.clone()));
        let root = root.transpose()?;
        let is_staged = root.is_some();
        let sources = if is_staged { sources.staged() } else { sources };
        let stage = Stage { doors: group.doors()?, handles: Vec::new(), log: log(&folder)?, root };
        let held = launch::launch(Launch {
            bubblewrap: &self.settings.bubblewrap,
            name: &folder,
            sources,
            memory_bytes: spec.memory_mib.saturating_mul(MIB),
            program: content.program,
            stdin,
            filters: self.filters.files()?,
            stage,
        })?;
        // It is mounted: the device goes with the mount.
        drop(disk);
        if !is_staged {
            limits::set(held.first, &limits)?;
        }
        let record = Record::new(held.monitor, held.first);
        record.write(&folder)?;
        held.release()?;
        Ok(record)
    }

    /// Ends everything of a machine; its folder and its workspace stay.
    pub(super) fn end(&self, folder: &Path) -> io::Result<()> {
        let folder = match folder.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        if let Some(record) = Record::read(&folder) {
            // The first process takes all others of its namespace with it.
            record.first.kill()?;
            record.monitor.await_end()?;
        }
        for monitor in procfs::named(&folder) {
            for inner in procfs::children(monitor) {
                inner.kill()?;
            }
            monitor.kill()?;
        }
        let group = self.groups.group(&group_name(&folder));
        for _ in 0..MAX_SWEEPS {
            let left: Vec<_> = group.processes().into_iter().filter_map(Process::now).collect();
            if left.is_empty() {
                break;
            }
            for process in left {
                process.kill()?;
            }
        }
        group.remove()?;
        if let Some(disks) = self.disks() {
            disks.detach_all(&folder)?;
        }
        Record::remove(&folder)
    }

    /// Ends everything of a machine whose workspace is needed again.
    pub(super) fn park(&self, folder: &Path) -> io::Result<()> {
        let disk = match self.disks() {
            Some(_) => DiskMaker::watch(&folder.canonicalize()?)?,
            None => None,
        };
        self.end(folder)?;
        disk.map_or(Ok(()), Ending::wait)
    }

    /// What makes machines' disks here.
    pub(super) fn disks(&self) -> Option<&DiskMaker> {
        self.disks.as_ref().filter(|_| !self.is_diskless.load(Ordering::Acquire))
    }

    /// How often the machine's memory ran out; none where no group counts it.
    pub(super) fn memory_kills(&self, folder: &Path) -> Option<u64> {
        self.groups.group(&group_name(&folder.canonicalize().ok()?)).memory_kills()
    }

    /// The user of a machine, by its folder: two machines seldom share one, and lose nothing but a part
    /// of what the kernel counts by user if they do.
    fn user(&self, folder: &Path) -> u32 {
        let [a, b, ..] = <[u8; 32]>::from(Sha256::digest(folder.as_os_str().as_encoded_bytes()));
        self.settings.first_uid.saturating_add(u32::from(u16::from_le_bytes([a, b])) % UID_COUNT)
    }
}

/// What bubblewrap and the agent said last.
pub(super) fn said(folder: &Path) -> String {
    use std::io::Seek;
    let read = || -> io::Result<String> {
        let mut file = File::open(folder.join(LOG))?;
        let start = file.metadata()?.len().saturating_sub(MAX_SAID_BYTES);
        file.seek(io::SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(MAX_SAID_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().replace('\n', "; "))
    };
    read().unwrap_or_default()
}

/// The file in the machine's folder that the agent's words go to.
pub(super) const LOG: &str = "agent.log";

fn log(folder: &Path) -> io::Result<File> {
    let path = folder.join(LOG);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().append(true).create_new(true).open(path)
}

/// The machine's workspace on the host, made if it is not there.
fn workspace(folder: &Path, user: Option<u32>) -> io::Result<PathBuf> {
    let path = folder.join(WORKSPACE);
    match fs::create_dir(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if let Some(user) = user {
        rustix::fs::chown(&path, Some(Uid::from_raw(user)), Some(Gid::from_raw(user)))?;
    }
    Ok(path)
}

fn group_name(folder: &Path) -> String {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    hex::encode(digest.get(..8).unwrap_or_default())
}
