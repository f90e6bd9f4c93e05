//! Whether the kernel killed for want of memory.
//!
//! Invariant: a machine of its own has its own kernel, whose log says so: what came there since a command
//! began is read when that was killed. In the process tier there is no log, and the count is the host's, so
//! that a command is taken for a victim only if it was killed while the count rose.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

const LOG: &str = "/dev/kmsg";
/// What begins the kernel's words of it.
const KILLED: &[u8] = b"ut of memory: Killed process";
/// The kernel gives a record at a time, and none is longer.
const RECORD_BYTES: usize = 8 * 1024;
/// Records that are looked at.
const MAX_RECORDS: usize = 4096;

/// Knows from its beginning on.
pub(crate) enum Witness {
    Log(File),
    Count(u64),
}

impl Witness {
    pub(crate) fn begin() -> Self {
        match end_of_log() {
            Ok(log) => Self::Log(log),
            Err(_) => Self::Count(kills()),
        }
    }

    /// Whether something was killed since.
    pub(crate) fn saw_kill(&self) -> bool {
        match self {
            Self::Log(log) => log_says(log),
            Self::Count(before) => kills() > *before,
        }
    }
}

fn end_of_log() -> std::io::Result<File> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut log = OpenOptions::new().read(true).custom_flags(nonblocking).open(LOG)?;
    log.seek(SeekFrom::End(0))?;
    Ok(log)
}

fn log_says(mut log: &File) -> bool {
    let mut record = vec![0; RECORD_BYTES];
    for _ in 0..MAX_RECORDS {
        match log.read(&mut record) {
            Ok(count) => {
                if record[..count].windows(KILLED.len()).any(|part| part == KILLED) {
                    return true;
                }
            }
            // Records were overwritten before they were read; the next read goes on behind them.
            Err(error)
                if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) => {}
            Err(_) => return false,
        }
    }
    false
}

fn kills() -> u64 {
    let text = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    count.unwrap_or_default()
}
