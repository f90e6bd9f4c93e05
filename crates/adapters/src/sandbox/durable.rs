//! Files that are to outlive the end of the host, and not only of this process.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

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
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    File::from(rustix::fs::open(path, flags, Mode::empty())?).sync_all()
}
