//! Files in folders that a guest's QEMU may write to: opened, and brought to the host's disk to outlive it.
//!
//! Invariant: what is there is not believed to be what its name says.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Opens what a guest's QEMU may have put there: not by way of a link, and without waiting for whoever has the
/// other end of a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Returns when a file, or everything in a folder, is on the host's disk. Links are not followed, and what is
/// neither file nor folder is passed over: a guest's QEMU may have put it there.
pub(super) fn flush(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            flush(&entry?.path())?;
        }
    }
    if !kind.is_dir() && !kind.is_file() {
        return Ok(());
    }
    open(path)?.sync_all()
}
