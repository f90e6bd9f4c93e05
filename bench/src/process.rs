//! What Linux tells about a process.

use anyhow::Context;

/// Linux counts processor time in these for everybody who asks, whatever its own clock is.
const TICK_US: u64 = 10_000;

/// A process that is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: u32,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Processor time.
    pub(crate) cpu_us: u64,
    /// Bytes that it made the file system write, whole pages of files.
    pub(crate) disk_bytes: u64,
    /// Bytes that it gave to write calls, those to sockets made with `write` among them.
    pub(crate) call_bytes: u64,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    pub(crate) fn used(self) -> anyhow::Result<Used> {
        let stat = self.read("stat")?;
        // The name of the program, in parentheses, may hold blanks.
        let fields: Vec<&str> =
            stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |field: usize| {
            fields
                .get(field)
                .and_then(|text| text.parse::<u64>().ok())
                .context("read a process's time")
        };
        let io = self.read("io")?;
        Ok(Used {
            cpu_us: (ticks(11)? + ticks(12)?) * TICK_US,
            disk_bytes: member(&io, "write_bytes:")?,
            call_bytes: member(&io, "wchar:")?,
        })
    }

    /// Resident memory.
    pub(crate) fn resident_bytes(self) -> anyhow::Result<u64> {
        Ok(member(&self.read("status")?, "VmRSS:")? * 1024)
    }

    /// Resident memory that is no file's.
    pub(crate) fn anonymous_bytes(self) -> anyhow::Result<u64> {
        Ok(member(&self.read("status")?, "RssAnon:")? * 1024)
    }

    fn read(self, what: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{what}", self.pid);
        std::fs::read_to_string(&path).with_context(|| format!("read {path}"))
    }
}

impl Used {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu_us: self.cpu_us - earlier.cpu_us,
            disk_bytes: self.disk_bytes - earlier.disk_bytes,
            call_bytes: self.call_bytes - earlier.call_bytes,
        }
    }
}

fn member(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    value.with_context(|| format!("find {name} in what Linux tells"))
}
