//! Unix sockets in a folder that QEMU writes.
//!
//! Invariant: what is connected to is a socket in that folder, never what a link there names. Paths may
//! be longer than a socket's address.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use tokio::net::{UnixListener, UnixStream};

/// Connects to a socket of QEMU.
pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = rustix::fs::open(path, flags, Mode::empty())?;
    let kind = std::fs::metadata(own(&found))?.file_type();
    if !kind.is_socket() {
        return Err(io::Error::other(format!("{} is no socket", path.display())));
    }
    let stream = StdStream::connect(own(&found))?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Listens for QEMU.
pub(super) fn listen(folder: &Path, name: &str) -> io::Result<UnixListener> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let listener = StdListener::bind(format!("{}/{name}", own(&folder)))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn own(handle: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", handle.as_raw_fd())
}
