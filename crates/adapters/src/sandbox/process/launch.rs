//! Starting bubblewrap so that it outlives the server.
//!
//! Invariant: the program inside starts only after its process is known, bounded and written down, and
//! it inherits nothing: no environment, no descriptor but the socket, no session. Deliberately absent:
//! finding it again, which `record` does.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Pid;
use serde::Deserialize;

use super::arguments::{self, Handles, Sources};
use super::procfs::Process;
use super::stage::Stage;

/// How long bubblewrap may take to make the namespaces.
const MAX_SETUP_S: i64 = 20;
/// The most that it says about them.
const MAX_STATUS_BYTES: u64 = 4096;

/// What is started, on what.
pub(super) struct Launch<'a> {
    pub(super) bubblewrap: &'a Path,
    /// The name of the process on the host, by which it is found when all else is lost.
    pub(super) name: &'a Path,
    pub(super) sources: Sources<'a>,
    pub(super) memory_bytes: u64,
    /// The program and its arguments, inside.
    pub(super) program: &'a [&'a str],
    pub(super) stdin: Stdio,
    pub(super) filters: [OwnedFd; 2],
    /// The handles of it are filled here.
    pub(super) stage: Stage,
}

/// A machine whose program has not started.
#[derive(Debug)]
pub(super) struct Held {
    /// Bubblewrap, which waits for the machine's end.
    pub(super) monitor: Process,
    /// The first process of the machine.
    pub(super) first: Process,
    gate: File,
}

impl Held {
    /// Starts the program.
    pub(super) fn release(mut self) -> io::Result<()> {
        self.gate.write_all(b"1")
    }
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "child-pid")]
    child_pid: i32,
}

/// Makes the namespaces and holds before the program.
pub(super) fn launch(launch: Launch<'_>) -> io::Result<Held> {
    let (status, status_inside) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let (gate_inside, gate) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let handles = Handles { status: &status_inside, gate: &gate_inside, filters: &launch.filters };
    let told = arguments::arguments(&launch.sources, &handles, launch.memory_bytes)?;
    let [refuse, hide] = launch.filters;
    let mut stage = launch.stage;
    stage.handles.extend([status_inside, gate_inside, refuse, hide]);
    let log = stage.log.try_clone()?;
    let mut command = Command::new(launch.bubblewrap);
    command.arg0(launch.name).args(told).args(launch.program);
    command.env_clear().current_dir("/");
    command.stdin(launch.stdin).stdout(Stdio::null()).stderr(log);
    // SAFETY: the closure allocates nothing and takes no lock: see `stage`.
    #[expect(unsafe_code, reason = "an isolation back end; the one place that starts machines")]
    unsafe {
        command.pre_exec(move || stage.enter())
    };
    let child = command.spawn()?;
    // The server's ends of what bubblewrap got are closed with the command.
    drop(command);
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let held = held(pid, &status, gate);
    if held.is_err() {
        end(pid);
    }
    held
}

fn held(pid: i32, status: &OwnedFd, gate: OwnedFd) -> io::Result<Held> {
    let ended = || io::Error::other("bubblewrap ended before the machine was there");
    let monitor = Process::now(pid).ok_or_else(ended)?;
    let first = read_status(status)?.ok_or_else(ended)?;
    let first = Process::now(first.child_pid).ok_or_else(ended)?;
    Ok(Held { monitor, first, gate: gate.into() })
}

/// None when the pipe was closed first.
fn read_status(pipe: &OwnedFd) -> io::Result<Option<Status>> {
    let mut text = Vec::new();
    let mut source = File::from(pipe.try_clone()?).take(MAX_STATUS_BYTES);
    let timeout = Timespec { tv_sec: MAX_SETUP_S, tv_nsec: 0 };
    while !text.contains(&b'}') {
        let mut ready = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
        let count = rustix::io::retry_on_intr(|| rustix::event::poll(&mut ready, Some(&timeout)))?;
        if count == 0 {
            return Err(io::Error::other(format!(
                "bubblewrap made no namespaces within {MAX_SETUP_S} s"
            )));
        }
        let mut part = [0; 512];
        match source.read(&mut part)? {
            0 => return Ok(None),
            length => text.extend_from_slice(part.get(..length).unwrap_or_default()),
        }
    }
    serde_json::from_slice(&text).map(Some).map_err(io::Error::other)
}

/// Ends what came of a machine that is not held.
fn end(pid: i32) {
    let Some(child) = Pid::from_raw(pid) else { return };
    // It is a child of this process that nobody waited for, so that the id is still its own.
    if let Some(process) = Process::now(pid) {
        for inner in super::procfs::children(process) {
            let _ = inner.kill();
        }
        let _ = process.kill();
    }
    super::procfs::reap(child);
}
