//! Whether the kernel killed for want of memory.
//!
//! Invariant: a machine of its own has its own kernel, whose log says so: what came there since a command
//! began is read when that was killed. In the process tier there is no log, and the count is the host's, so
//! that a command is taken for a victim only if it was killed while the count rose.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, OnceLock, PoisonError};

const LOG: &str = "/dev/kmsg";
/// What begins the kernel's words of it.
const KILLED: &[u8] = b"ut of memory: Killed process";
/// The kernel gives a record at a time, and none is longer.
const RECORD_BYTES: usize = 8 * 1024;
/// Records that are looked at at once.
const MAX_RECORDS: usize = 4096;

/// Opened by root, who alone may, for those who gave that up.
static KERNEL: OnceLock<Mutex<Log>> = OnceLock::new();

/// The log of a machine's own kernel.
struct Log {
    file: File,
    /// As far as it was read.
    kill_count: u64,
}

/// Reads the kernel's log from now on, where the machine has a kernel of its own.
pub(crate) fn open_log() {
    if let Ok(file) = end_of_log() {
        let _ = KERNEL.set(Mutex::new(Log { file, kill_count: 0 }));
    }
}

/// Knows how often it happened before.
pub(crate) struct Witness {
    before: u64,
}

impl Witness {
    pub(crate) fn begin() -> Self {
        Self { before: kill_count() }
    }

    /// Whether something was killed since.
    pub(crate) fn saw_kill(&self) -> bool {
        kill_count() > self.before
    }
}

fn kill_count() -> u64 {
    match KERNEL.get() {
        Some(log) => log.lock().unwrap_or_else(PoisonError::into_inner).read(),
        None => kills_of_host(),
    }
}

fn end_of_log() -> std::io::Result<File> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut log = OpenOptions::new().read(true).custom_flags(nonblocking).open(LOG)?;
    log.seek(SeekFrom::End(0))?;
    Ok(log)
}

impl Log {
    /// The kills in all that it says by now.
    fn read(&mut self) -> u64 {
        let mut record = vec![0; RECORD_BYTES];
        for _ in 0..MAX_RECORDS {
            match self.file.read(&mut record) {
                Ok(count) => {
                    let is_kill = record[..count].windows(KILLED.len()).any(|part| part == KILLED);
                    self.kill_count += u64::from(is_kill);
                }
                // Records were overwritten before they were read; the next read goes on behind them.
                Err(error)
                    if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) => {}
                Err(_) => break,
            }
        }
        self.kill_count
    }
}

fn kills_of_host() -> u64 {
    let text = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    count.unwrap_or_default()
}
