//! One code in an interpreter, from the request to the answer.
//!
//! Invariant: outputs are read while it runs, and a bounded part is kept. Code whose time is over is
//! interrupted; if it goes on all the same, its interpreter is ended.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use mainstay_guest::Kind;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::answer::{CellAnswer, Gathered};
use super::process::Process;
use crate::agent::channel::Channel;
use crate::agent::clock::{now, timespec};
use crate::agent::exec::{Kept, read_now, unblock};
use crate::agent::service::Service;

/// How long interrupted code may take to end.
const INTERRUPT_GRACE_MS: u64 = 3_000;

const READ_BYTES: usize = 64 * 1024;

pub(super) struct CellBounds<'a> {
    pub(super) timeout: Duration,
    pub(super) limit_bytes: usize,
    pub(super) cancelled: BorrowedFd<'a>,
    /// Is shown the outputs while they come.
    pub(super) viewer: Option<&'a Channel>,
}

pub(super) struct Cell {
    pub(super) stdout: Kept,
    pub(super) stderr: Kept,
    pub(super) end: CellEnd,
}

pub(super) enum CellEnd {
    Answered(CellAnswer),
    /// The same, because its time was over.
    Interrupted(CellAnswer),
    /// It goes on.
    Deaf,
    /// The interpreter is gone.
    Gone,
    /// What it answered makes no sense.
    Nonsense(&'static str),
}

struct Running<'a> {
    process: &'a mut Process,
    outputs: [Output<'a>; 2],
    gathered: Gathered,
}

struct Output<'a> {
    kept: Kept,
    is_open: bool,
    kind: Kind,
    viewer: Option<&'a Channel>,
    /// How much of it may still be shown.
    room_bytes: usize,
}

impl<'a> Output<'a> {
    fn new(kind: Kind, bounds: &CellBounds<'a>) -> Self {
        let (viewer, room_bytes) = (bounds.viewer, bounds.limit_bytes);
        Self { kept: Kept::new(bounds.limit_bytes), is_open: true, kind, viewer, room_bytes }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.kept.push(bytes);
        if let Some(viewer) = self.viewer {
            let piece = &bytes[..bytes.len().min(self.room_bytes)];
            self.room_bytes -= piece.len();
            if !viewer.show(self.kind, piece) {
                // What is shown has no hole: its rest comes with the end.
                self.room_bytes = 0;
            }
        }
    }
}

/// Runs code. The process is of no use any more but after an answer.
pub(super) fn run(
    service: &Service,
    process: &mut Process,
    source: &str,
    bounds: &CellBounds<'_>,
) -> Cell {
    for pipe in [process.stdout.as_fd(), process.stderr.as_fd()] {
        unblock(pipe);
    }
    let started = now();
    let sent = process.run(service, source);
    let outputs = [Kind::LiveStdout, Kind::LiveStderr].map(|kind| Output::new(kind, bounds));
    let mut running = Running { process, outputs, gathered: Gathered::default() };
    let end = match sent {
        Ok(()) => running.until_end(started, bounds),
        Err(_) => CellEnd::Gone,
    };
    running.drain();
    let [stdout, stderr] = running.outputs;
    Cell { stdout: stdout.kept, stderr: stderr.kept, end }
}

enum Step {
    On,
    Cancelled,
    End(CellEnd),
}

impl Running<'_> {
    fn until_end(&mut self, started: Instant, bounds: &CellBounds<'_>) -> CellEnd {
        let mut deadline = started.checked_add(bounds.timeout);
        let mut is_interrupted = false;
        loop {
            let left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(now()));
            let step = if left.is_zero() {
                Step::Cancelled
            } else {
                self.step(left, (!is_interrupted).then_some(bounds.cancelled))
            };
            match step {
                Step::On => {}
                Step::Cancelled if is_interrupted => return CellEnd::Deaf,
                Step::Cancelled => {
                    is_interrupted = true;
                    self.process.interrupt();
                    deadline = now().checked_add(Duration::from_millis(INTERRUPT_GRACE_MS));
                }
                Step::End(CellEnd::Answered(answer)) if is_interrupted => {
                    return CellEnd::Interrupted(answer);
                }
                Step::End(end) => return end,
            }
        }
    }

    fn step(&mut self, left: Duration, cancelled: Option<BorrowedFd<'_>>) -> Step {
        let pipes = [self.process.stdout.as_fd(), self.process.stderr.as_fd()];
        let mut fds = vec![PollFd::new(&self.process.control, PollFlags::IN)];
        let open: Vec<usize> = (0..2).filter(|&n| self.outputs[n].is_open).collect();
        fds.extend(open.iter().map(|&n| PollFd::from_borrowed_fd(pipes[n], PollFlags::IN)));
        if let Some(cancelled) = cancelled {
            fds.push(PollFd::from_borrowed_fd(cancelled, PollFlags::IN));
        }
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Step::End(CellEnd::Gone),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        for (position, &n) in open.iter().enumerate() {
            if ready[position + 1] {
                read_into(pipes[n], &mut self.outputs[n]);
            }
        }
        if ready[0] {
            return self.control();
        }
        let is_cancelled = cancelled.is_some() && ready.last() == Some(&true);
        if is_cancelled { Step::Cancelled } else { Step::On }
    }

    fn control(&mut self) -> Step {
        let mut buffer = vec![0; READ_BYTES];
        match (&self.process.control).read(&mut buffer) {
            Ok(0) | Err(_) => Step::End(CellEnd::Gone),
            Ok(count) => match self.gathered.push(&buffer[..count]) {
                Ok(Some(answer)) => Step::End(CellEnd::Answered(answer)),
                Ok(None) => Step::On,
                Err(what) => Step::End(CellEnd::Nonsense(what)),
            },
        }
    }

    /// What was printed before the answer is in the pipes by now.
    fn drain(&mut self) {
        let pipes = [self.process.stdout.as_fd(), self.process.stderr.as_fd()];
        for (pipe, output) in pipes.into_iter().zip(&mut self.outputs) {
            // A child that prints for ever must not hold it up: a pipe holds less than this.
            for _ in 0..16 {
                if !output.is_open || !read_into(pipe, output) {
                    break;
                }
            }
        }
    }
}

/// Whether something came.
fn read_into(pipe: BorrowedFd<'_>, output: &mut Output<'_>) -> bool {
    match read_now(pipe, |bytes| output.take(bytes)) {
        Some(0) => {
            output.is_open = false;
            false
        }
        Some(_) => true,
        None => false,
    }
}
