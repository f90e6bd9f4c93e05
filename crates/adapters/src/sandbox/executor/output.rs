//! What a command printed, as far as it is kept; and how it ended.
//!
//! Invariant: notices are applied in the order of their numbers, each once, however often connections
//! broke; what is kept of an output has a bound.

use bytes::Bytes;
use mainstay_core::port::{OutputSink, OutputStream};
use tokio::sync::watch;

use super::rpc::{ProcessNotice, ProcessRead, Stream};

/// One output: its first and its last half within the limit.
struct Kept {
    first: Vec<u8>,
    last: std::collections::VecDeque<u8>,
    half_bytes: usize,
    omitted_bytes: u64,
}

impl Kept {
    fn new(limit_bytes: usize) -> Self {
        let last = std::collections::VecDeque::new();
        Self { first: Vec::new(), last, half_bytes: limit_bytes / 2, omitted_bytes: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = self.half_bytes.saturating_sub(self.first.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.first.extend_from_slice(first);
        self.last.extend(rest);
        let surplus = self.last.len().saturating_sub(self.half_bytes);
        self.last.drain(..surplus);
        self.omitted_bytes += surplus as u64;
    }

    fn take(&mut self) -> (Bytes, u64) {
        let mut whole = std::mem::take(&mut self.first);
        whole.extend(std::mem::take(&mut self.last));
        (Bytes::from(whole), self.omitted_bytes)
    }
}

/// How far a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// All that came is known.
    Running,
    /// Something between came to nobody: it must be read.
    Behind,
    /// It ended, with this code if it has one, and so did its outputs.
    Ended(Option<i32>),
}

/// A process that is watched.
pub(super) struct Watched {
    stdout: Kept,
    stderr: Kept,
    sink: Option<OutputSink>,
    last_seq: u64,
    exit_code: Option<i32>,
    progress: watch::Sender<Progress>,
}

/// What a process left: outputs and how much of each is left out.
pub(super) struct Left {
    pub(super) stdout: (Bytes, u64),
    pub(super) stderr: (Bytes, u64),
}

impl Watched {
    pub(super) fn new(limit_bytes: usize, sink: Option<OutputSink>) -> Self {
        Self {
            stdout: Kept::new(limit_bytes),
            stderr: Kept::new(limit_bytes),
            sink,
            last_seq: 0,
            exit_code: None,
            progress: watch::channel(Progress::Running).0,
        }
    }

    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The last number that was applied.
    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// What came by itself.
    pub(super) fn notice(&mut self, notice: ProcessNotice) {
        if notice.seq <= self.last_seq {
            return;
        }
        if notice.seq != self.last_seq + 1 {
            self.step(Progress::Behind);
            return;
        }
        self.last_seq = notice.seq;
        if let (Some(stream), Some(chunk)) = (notice.stream, notice.chunk) {
            self.print(stream, &chunk.0);
        }
        self.exit_code = notice.exit_code.or(self.exit_code);
        if notice.is_closed {
            self.step(Progress::Ended(self.exit_code));
        }
    }

    /// What was asked for, behind [`Self::last_seq`]; answers whether there may be more.
    pub(super) fn read(&mut self, read: ProcessRead) -> bool {
        let is_part = !read.chunks.is_empty();
        for chunk in read.chunks {
            if chunk.seq > self.last_seq {
                self.print(chunk.stream, &chunk.chunk.0);
                self.last_seq = chunk.seq;
            }
        }
        if is_part {
            return true;
        }
        self.last_seq = self.last_seq.max(read.next_seq.saturating_sub(1));
        self.exit_code = read.exit_code.or(self.exit_code);
        if let Some(failure) = read.failure {
            self.print(Stream::Stderr, failure.as_bytes());
        }
        let is_over = read.exited && read.closed;
        self.step(if is_over { Progress::Ended(self.exit_code) } else { Progress::Running });
        false
    }

    /// What is left of it.
    pub(super) fn take(&mut self) -> Left {
        Left { stdout: self.stdout.take(), stderr: self.stderr.take() }
    }

    fn print(&mut self, stream: Stream, bytes: &[u8]) {
        let (kept, name) = match stream {
            Stream::Stdout | Stream::Pty => (&mut self.stdout, OutputStream::Stdout),
            Stream::Stderr => (&mut self.stderr, OutputStream::Stderr),
        };
        kept.add(bytes);
        if let Some(sink) = &self.sink {
            sink(name, bytes);
        }
    }

    fn step(&self, progress: Progress) {
        self.progress.send_if_modified(|now| {
            let is_over = matches!(now, Progress::Ended(_));
            let changes = !is_over && *now != progress;
            if changes {
                *now = progress;
            }
            changes
        });
    }
}
