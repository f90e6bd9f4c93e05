//! The groups of one machine.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::find::{Branch, Controller, Version};
use crate::sandbox::driver::MIB;

/// What one processor is worth, of [`PERIOD_US`].
const PERIOD_US: u64 = 100_000;

/// How much a machine may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) struct Bounds {
    pub(in crate::sandbox) memory_mib: u64,
    pub(in crate::sandbox) processes: u32,
    pub(in crate::sandbox) cpus: u32,
}

/// One machine's groups.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Group {
    parts: Vec<Branch>,
}

impl Group {
    pub(super) fn new(branches: &[Branch], name: &str) -> Self {
        let part = |branch: &Branch| Branch { folder: branch.folder.join(name), ..branch.clone() };
        Self { parts: branches.iter().map(part).collect() }
    }

    pub(super) fn make(&self, bounds: &Bounds) -> io::Result<()> {
        for part in &self.parts {
            match fs::create_dir(&part.folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            for controller in &part.controllers {
                bound(&part.folder, part.version, *controller, bounds)?;
            }
        }
        Ok(())
    }

    /// Files that put the process which writes `0` to them, and has one thread, into the groups.
    pub(in crate::sandbox) fn doors(&self) -> io::Result<Vec<File>> {
        let open = |path| fs::OpenOptions::new().write(true).open(path);
        self.door_paths().into_iter().map(open).collect()
    }

    /// The names of these files.
    pub(in crate::sandbox) fn door_paths(&self) -> Vec<PathBuf> {
        let door = |part: &Branch| part.folder.join(door(part.version));
        self.parts.iter().map(door).collect()
    }

    /// The processes in it.
    pub(in crate::sandbox) fn processes(&self) -> Vec<i32> {
        let mut processes: Vec<i32> = Vec::new();
        for part in &self.parts {
            let text = fs::read_to_string(part.folder.join("cgroup.procs")).unwrap_or_default();
            processes.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        }
        processes.sort_unstable();
        processes.dedup();
        processes
    }

    /// How often a process was killed because the memory ran out; none where nobody counts.
    pub(in crate::sandbox) fn memory_kills(&self) -> Option<u64> {
        let is_memory = |part: &&Branch| part.controllers.contains(&Controller::Memory);
        let part = self.parts.iter().find(is_memory)?;
        let file = match part.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(part.folder.join(file)).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
    }

    /// Removes it, with nothing left in it. Of one that is not there too.
    pub(in crate::sandbox) fn remove(&self) -> io::Result<()> {
        for part in &self.parts {
            match fs::remove_dir(&part.folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A thread that moves itself holds up nobody. Whoever moves a process has the kernel wait until no
/// processor is in the middle of making one, which takes it 5 to 20 ms.
fn door(version: Version) -> &'static str {
    match version {
        Version::One => "tasks",
        // There a thread cannot be in another group than its process.
        Version::Two => "cgroup.procs",
    }
}

fn bound(
    folder: &Path,
    version: Version,
    controller: Controller,
    bounds: &Bounds,
) -> io::Result<()> {
    let write = |file: &str, value: String| fs::write(folder.join(file), value);
    let write_if_there = |file: &str, value: String| match write(file, value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Swap is not accounted for on this host: then there is nothing to bound.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    };
    let memory_bytes = bounds.memory_mib.saturating_mul(MIB);
    let processor_us = u64::from(bounds.cpus) * PERIOD_US;
    match (controller, version) {
        (Controller::Memory, Version::One) => {
            // A group that is there already may have a smaller bound with swap than the one to be set.
            write_if_there("memory.memsw.limit_in_bytes", "-1".to_owned())?;
            write("memory.limit_in_bytes", memory_bytes.to_string())?;
            write_if_there("memory.memsw.limit_in_bytes", memory_bytes.to_string())
        }
        (Controller::Memory, Version::Two) => {
            write("memory.max", memory_bytes.to_string())?;
            write_if_there("memory.swap.max", "0".to_owned())
        }
        (Controller::Processes, _) => write("pids.max", bounds.processes.to_string()),
        (Controller::Processor, Version::One) => {
            write("cpu.cfs_period_us", PERIOD_US.to_string())?;
            write("cpu.cfs_quota_us", processor_us.to_string())
        }
        (Controller::Processor, Version::Two) => {
            write("cpu.max", format!("{processor_us} {PERIOD_US}"))
        }
    }
}

/// For tests: the folders of it.
#[cfg(test)]
impl Group {
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.parts.iter().map(|part| part.folder.clone()).collect()
    }
}
