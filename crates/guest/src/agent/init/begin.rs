//! The steps from a bare kernel to a machine that can serve.

use super::{loopback, mounts};
use crate::agent::machine::say;

/// Sets the machine up; the caller is the first process and has one thread.
pub(crate) fn begin() -> Result<(), String> {
    mounts::mount_all()?;
    for (file, value) in HARDENING {
        if let Err(error) = std::fs::write(file, value) {
            say(&format!("write {file}: {error}"));
        }
    }
    if let Err(error) = rustix::system::sethostname(b"sandbox") {
        say(&format!("name the machine: {error}"));
    }
    if let Err(error) = loopback::bring_up() {
        say(&format!("bring the loopback device up: {error}"));
    }
    Ok(())
}

/// What commands have no use for.
const HARDENING: [(&str, &str); 3] = [
    ("/proc/sys/fs/protected_hardlinks", "1"),
    ("/proc/sys/fs/protected_symlinks", "1"),
    ("/proc/sys/user/max_user_namespaces", "0"),
];
