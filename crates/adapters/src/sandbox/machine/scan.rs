//! What is in a machine's workspace, and what changed.

use std::time::Duration;

use mainstay_core::port::{FileKind, SandboxError};
use mainstay_guest::{Answer, Request, ScanEntry as Wire, Since};

use super::connect::Machine;
use super::failure::nonsense;
use super::files::kind;
use super::request::{Bounds, ask};

const SCAN_TIMEOUT_MS: u64 = 120_000;

/// A scan as text; some hundred thousand files.
const MAX_SCAN_BYTES: usize = 64 * 1024 * 1024;

/// The kernel's longest.
const MAX_PATH_BYTES: usize = 4096;

/// Names a scan; the next one can tell what changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(pub u64);

/// The workspace, or what changed in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// For the next one.
    pub generation: Generation,
    /// Whether `changed` is everything there is, and nothing is known of before.
    pub is_full: bool,
    /// What is new or changed, a folder before what is in it.
    pub changed: Vec<ScanEntry>,
    /// What is gone, each with all that was in it. What is in `changed` too is gone and new.
    pub removed: Vec<String>,
    /// Files, folders and links there are.
    pub entry_count: u64,
    /// Sockets, pipes, devices, and names that are not UTF-8; they are not in it.
    pub skipped_count: u64,
}

/// Something in the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanEntry {
    /// Relative to the workspace: parts between `/`, none of them empty, `.` or `..`.
    pub path: String,
    /// What it is; never [`FileKind::Other`].
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: u32,
    /// Its size.
    pub size_bytes: u64,
    /// When it was changed, Unix nanoseconds.
    pub modified_ns: u64,
    /// What a link points to.
    pub target: Option<String>,
}

impl Machine {
    /// What is in the workspace, or, since a scan that the agent remembers, what changed.
    ///
    /// # Errors
    /// There is too much, or the agent does not answer.
    pub async fn scan(&self, since: Option<Generation>) -> Result<Scan, SandboxError> {
        let request = Request::Scan { since: since.map(|Generation(number)| Since(number)) };
        let bounds = Bounds {
            attempted: "scan the workspace",
            wait: Duration::from_millis(SCAN_TIMEOUT_MS),
            max_bytes: MAX_SCAN_BYTES,
            sink: None,
        };
        let (answer, data) = ask(&self.connection, &request, None, bounds).await?;
        let Answer::Scan(done) = answer else {
            return Err(nonsense("another answer than a scan"));
        };
        if !done.is_full && since.is_none() {
            return Err(nonsense("changes where everything was asked for"));
        }
        let mut scan = Scan {
            generation: Generation(done.generation),
            is_full: done.is_full,
            changed: Vec::new(),
            removed: Vec::new(),
            entry_count: done.entry_count,
            skipped_count: done.skipped_count,
        };
        for line in data.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let entry =
                serde_json::from_slice(line).map_err(|_| nonsense("a scan that is none"))?;
            match entry {
                Wire::Removed { path } => scan.removed.push(checked(path)?),
                Wire::Changed { path, stat, target } => scan.changed.push(ScanEntry {
                    path: checked(path)?,
                    kind: checked_kind(stat.kind)?,
                    mode: stat.mode & 0o7777,
                    size_bytes: stat.size_bytes,
                    modified_ns: stat.modified_ns,
                    target: checked_target(stat.kind, target)?,
                }),
            }
        }
        Ok(scan)
    }
}

fn checked(path: String) -> Result<String, SandboxError> {
    let is_plain = path.len() <= MAX_PATH_BYTES
        && !path.contains('\0')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if is_plain { Ok(path) } else { Err(nonsense("a path that is none below the workspace")) }
}

fn checked_kind(wire: mainstay_guest::FileKind) -> Result<FileKind, SandboxError> {
    match kind(wire) {
        FileKind::Other => Err(nonsense("a device in a scan")),
        kept => Ok(kept),
    }
}

fn checked_target(
    kind: mainstay_guest::FileKind,
    target: Option<String>,
) -> Result<Option<String>, SandboxError> {
    let is_link = kind == mainstay_guest::FileKind::Link;
    let is_fine = target.as_ref().is_none_or(|target| target.len() <= MAX_PATH_BYTES);
    if is_link == target.is_some() && is_fine {
        Ok(target)
    } else {
        Err(nonsense("a link without a target, or a target without a link"))
    }
}
