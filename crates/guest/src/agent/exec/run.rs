//! One command from its start to its end.
//!
//! Invariant: its outputs are read as fast as they come, whoever looks on; of what came a bounded part is
//! kept. It ends when its first process does, when its time is over, or when it is cancelled; the latter
//! two end everything that it started.

use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use mainstay_guest::{End, Kind};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, pidfd_open};

use super::kept::Kept;
use super::memory::Witness;
use super::outcome::Ended;
use super::tree::Tree;
use crate::agent::channel::Channel;
use crate::agent::children::{Children, pid};
use crate::agent::clock::{now, timespec};

/// Between the request to end and the order.
const KILL_GRACE_MS: u64 = 1_500;

/// What is read at once.
const READ_BYTES: usize = 64 * 1024;

/// What is read after the end of what others may still write for ever.
const MAX_DRAIN_BYTES: usize = 1024 * 1024;

/// Bounds and witnesses of a run.
pub(crate) struct Watch<'a> {
    pub(crate) timeout: Duration,
    pub(crate) limit_bytes: usize,
    pub(crate) cancelled: BorrowedFd<'a>,
    /// What everything that it starts is known by.
    pub(crate) mark: &'a str,
    /// Is shown the outputs while they come.
    pub(crate) viewer: Option<&'a Channel>,
}

struct Output {
    kind: Kind,
    kept: Kept,
    shown_bytes: usize,
    is_open: bool,
}

impl Output {
    fn new(kind: Kind, limit_bytes: usize) -> Self {
        Self { kind, kept: Kept::new(limit_bytes), shown_bytes: 0, is_open: true }
    }

    fn take(&mut self, bytes: &[u8], watch: &Watch<'_>) {
        self.kept.push(bytes);
        if let Some(viewer) = watch.viewer {
            let room = watch.limit_bytes - self.shown_bytes;
            let piece = &bytes[..bytes.len().min(room)];
            self.shown_bytes += piece.len();
            if !viewer.show(self.kind, piece) {
                // What is shown has no hole: its rest comes with the end.
                self.shown_bytes = watch.limit_bytes;
            }
        }
    }
}

/// Follows a started command to its end.
pub(crate) fn follow(children: &Children, mut child: Child, watch: &Watch<'_>) -> Ended {
    let started = now();
    let memory = Witness::begin();
    let stdout = child.stdout.take().expect("its output is a pipe");
    let stderr = child.stderr.take().expect("its output is a pipe");
    let mut outputs = [
        Output::new(Kind::LiveStdout, watch.limit_bytes),
        Output::new(Kind::LiveStderr, watch.limit_bytes),
    ];
    let pipes = [stdout.as_fd(), stderr.as_fd()];
    for pipe in pipes {
        unblock(pipe);
    }
    let why = watch_until_end(&child, &pipes, &mut outputs, started, watch);
    if !matches!(why, Why::Ended) {
        stop(&child, &pipes, &mut outputs, watch);
    }
    drain(&pipes, &mut outputs, watch);
    let status = children.wait(&mut child);
    let end = end_of(status.ok(), &why, || memory.saw_kill());
    let duration_ms = u64::try_from(now().duration_since(started).as_millis()).unwrap_or(u64::MAX);
    let [stdout, stderr] = outputs;
    Ended::new(end, stdout.kept, stderr.kept, duration_ms)
}

enum Why {
    Ended,
    TimedOut,
    Cancelled,
}

fn watch_until_end(
    child: &Child,
    pipes: &[BorrowedFd<'_>; 2],
    outputs: &mut [Output; 2],
    started: Instant,
    watch: &Watch<'_>,
) -> Why {
    let Ok(process) = pidfd_open(pid(child), PidfdFlags::empty()) else { return Why::Cancelled };
    loop {
        let left = watch.timeout.saturating_sub(now().duration_since(started));
        if left.is_zero() {
            return Why::TimedOut;
        }
        let mut fds = vec![
            PollFd::new(&process, PollFlags::IN),
            PollFd::from_borrowed_fd(watch.cancelled, PollFlags::IN),
        ];
        let open: Vec<usize> = (0..2).filter(|&n| outputs[n].is_open).collect();
        fds.extend(open.iter().map(|&n| PollFd::from_borrowed_fd(pipes[n], PollFlags::IN)));
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Why::Cancelled,
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        for (position, &n) in open.iter().enumerate() {
            if ready[position + 2] {
                read(pipes[n], &mut outputs[n], watch);
            }
        }
        if ready[1] {
            return Why::Cancelled;
        }
        if ready[0] {
            return Why::Ended;
        }
    }
}

/// How much came of an output; 0 when nothing does now.
fn read(pipe: BorrowedFd<'_>, output: &mut Output, watch: &Watch<'_>) -> usize {
    match read_now(pipe, |bytes| output.take(bytes, watch)) {
        Some(0) => {
            output.is_open = false;
            0
        }
        Some(count) => count,
        None => 0,
    }
}

/// Reads what is there: how much it was, 0 at the end, and none when nothing is there.
pub(crate) fn read_now(pipe: BorrowedFd<'_>, take: impl FnOnce(&[u8])) -> Option<usize> {
    let mut buffer = Vec::with_capacity(READ_BYTES);
    let count = rustix::io::read(pipe, spare_capacity(&mut buffer)).ok()?;
    take(&buffer);
    Some(count)
}

/// Has reads of what is not there return at once.
pub(crate) fn unblock(pipe: BorrowedFd<'_>) {
    if let Ok(flags) = fcntl_getfl(pipe) {
        let _ = fcntl_setfl(pipe, flags | OFlags::NONBLOCK);
    }
}

fn drain(pipes: &[BorrowedFd<'_>; 2], outputs: &mut [Output; 2], watch: &Watch<'_>) {
    for (pipe, output) in pipes.iter().zip(outputs) {
        let mut total = 0;
        while output.is_open && total < MAX_DRAIN_BYTES {
            match read(*pipe, output, watch) {
                0 => break,
                count => total += count,
            }
        }
    }
}

/// Ends everything: asks, and after a while does not ask.
fn stop(child: &Child, pipes: &[BorrowedFd<'_>; 2], outputs: &mut [Output; 2], watch: &Watch<'_>) {
    let mut tree = Tree::marked(pid(child), watch.mark);
    tree.signal(Signal::TERM);
    let asked = now();
    let grace = Duration::from_millis(KILL_GRACE_MS);
    while tree.look() && now().duration_since(asked) < grace {
        // Its outputs are read on: who writes its last words must not wait for a full pipe.
        drain(pipes, outputs, watch);
        let pause = Duration::from_millis(10);
        let _ = poll(&mut [], Some(&timespec(pause)));
    }
    tree.kill();
}

fn end_of(status: Option<ExitStatus>, why: &Why, was_oom: impl Fn() -> bool) -> End {
    use std::os::unix::process::ExitStatusExt;
    const KILLED: i32 = 9;
    if matches!(why, Why::TimedOut) {
        return End::TimedOut;
    }
    let Some(status) = status else { return End::Signalled { signal: KILLED } };
    match (status.code(), status.signal()) {
        // A shell whose last command was killed exits with 128 more than the signal.
        (Some(code), _) if code == 128 + KILLED && was_oom() => End::OutOfMemory,
        (None, Some(KILLED)) if was_oom() => End::OutOfMemory,
        (Some(code), _) => End::Exited { code },
        (None, signal) => End::Signalled { signal: signal.unwrap_or(KILLED) },
    }
}
