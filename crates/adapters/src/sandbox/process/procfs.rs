//! Processes of the host as `/proc` shows them.
//!
//! Invariant: a process is named by its id and the time it started, because ids come again.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use serde::{Deserialize, Serialize};

/// How long a killed process may take to be gone: one that waits for a disk ends when the disk answers.
pub(super) const MAX_END: Duration = Duration::from_secs(20);

/// One process for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Process {
    /// Its id on the host.
    pub(super) pid: i32,
    /// When it started, in clock ticks since the host did.
    pub(super) started_at: u64,
}

/// What is read of a process's `stat`.
struct Stat {
    is_ended: bool,
    parent: i32,
    started_at: u64,
}

impl Process {
    /// The process that has this id now.
    pub(super) fn now(pid: i32) -> Option<Self> {
        let stat = stat(pid)?;
        (!stat.is_ended).then_some(Self { pid, started_at: stat.started_at })
    }

    /// Whether it has not ended.
    pub(super) fn is_running(self) -> bool {
        Self::now(self.pid) == Some(self)
    }

    /// Ends it, and returns when it is gone. Of one that is gone too.
    pub(super) fn kill(self) -> io::Result<()> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(()) };
        let handle = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // The handle is of the process that has the id now: only now it is known to be the one.
        if !self.is_running() {
            reap(pid);
            return Ok(());
        }
        match rustix::process::pidfd_send_signal(&handle, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
        await_end(&handle)?;
        reap(pid);
        Ok(())
    }

    /// Returns when it has ended by itself.
    pub(super) fn await_end(self) -> io::Result<()> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(()) };
        if let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            && self.is_running()
        {
            await_end(&handle)?;
        }
        reap(pid);
        Ok(())
    }
}

/// Takes the exit of a child that has ended, if it is one of this process.
pub(super) fn reap(pid: Pid) {
    // Not a child of this process: whoever's it is takes it.
    let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
}

/// The processes that were started under this name: as whole first argument.
pub(super) fn named(name: &Path) -> Vec<Process> {
    let first = [name.as_os_str().as_bytes(), b"\0"].concat();
    let is_meant = |pid: &i32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(&first))
    };
    all().into_iter().filter(is_meant).filter_map(Process::now).collect()
}

/// The children of a process.
pub(super) fn children(of: Process) -> Vec<Process> {
    let is_child = |pid: &i32| stat(*pid).is_some_and(|stat| stat.parent == of.pid);
    all().into_iter().filter(is_child).filter_map(Process::now).collect()
}

fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).collect()
}

fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, parentheses too.
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let started_at = fields.nth(17)?.parse().ok()?;
    Some(Stat { is_ended: matches!(state, "Z" | "X"), parent, started_at })
}

fn await_end(handle: &OwnedFd) -> io::Result<()> {
    let mut handles = [PollFd::new(handle, PollFlags::IN)];
    let timeout = Timespec::try_from(MAX_END).ok();
    match rustix::io::retry_on_intr(|| rustix::event::poll(&mut handles, timeout.as_ref()))? {
        0 => Err(io::Error::other(format!("a killed process is there after {MAX_END:?}"))),
        _ => Ok(()),
    }
}
