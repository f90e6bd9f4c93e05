//! The socket of a machine's agent, in the machine's folder.
//!
//! Invariant: only who may enter the folder can reach it; the machine sees no path to it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// The socket's name.
const FILE: &str = "agent.sock";

/// Makes the socket anew.
pub(super) fn listen(folder: &Path) -> io::Result<UnixListener> {
    let (_folder, path) = short(folder)?;
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(path)
}

/// A connection to who listens.
pub(super) fn connect(folder: &Path) -> io::Result<UnixStream> {
    let (_folder, path) = short(folder)?;
    UnixStream::connect(path)
}

/// A path as short as a socket's has to be, and what keeps it good.
fn short(folder: &Path) -> io::Result<(OwnedFd, PathBuf)> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = rustix::fs::open(folder, flags, Mode::empty())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{FILE}", open.as_raw_fd()));
    Ok((open, path))
}
