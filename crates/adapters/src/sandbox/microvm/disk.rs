//! The disk of a session: an ext4 file system in a sparse file.
//!
//! Invariant: a copy of it costs what was written to it, not its size.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Command;

use super::files::open_untrusted;
use crate::sandbox::driver::MIB;
use crate::sandbox::sparse;

/// No journal: a machine that is killed is made anew from its checkpoint. No lazy tables: nothing is
/// written behind a machine's back.
const FORMAT: [&str; 8] = [
    "-q",
    "-F",
    "-m",
    "0",
    "-O",
    "^has_journal,^resize_inode",
    "-E",
    "lazy_itable_init=0,nodiscard",
];

/// Makes an empty one of this size.
pub(super) fn create(path: &Path, size_mib: u64) -> io::Result<()> {
    File::create(path)?.set_len(size_mib.saturating_mul(MIB))?;
    let mut format = Command::new("mkfs.ext4");
    let search = "/usr/sbin:/usr/bin:/sbin:/bin";
    format.args(FORMAT).arg(path).env_clear().env("PATH", search);
    // The same disk whoever makes it, and when.
    format.args(["-U", "6d61696e-7374-6179-0000-000000000001"]).env("E2FSPROGS_FAKE_TIME", "1");
    let output = format.output().map_err(|error| {
        io::Error::other(format!("starting mkfs.ext4, which the package e2fsprogs has: {error}"))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("making a disk of {size_mib} MiB: {}", said.trim())))
}

/// Copies one, with its holes. The source may be QEMU's.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let source = open_untrusted(from)?;
    super::files::remove(to)?;
    sparse::copy_file(&source, to)
}
