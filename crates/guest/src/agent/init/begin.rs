//! The steps from a bare kernel to a machine that can serve.

use super::{loopback, modules, mounts};
use crate::agent::machine::say;

/// Sets the machine up; the caller is the first process and has one thread.
pub(crate) fn begin() -> Result<(), String> {
    modules::load_all()?;
    mounts::mount_all()?;
    for (file, value) in HARDENING {
        if let Err(error) = std::fs::write(file, value) {
            say(&format!("write {file}: {error}"));
        }
    }
    for device in OTHERS_MEMORY {
        // Our own kernel has none of them.
        let _ = std::fs::remove_file(device);
    }
    if let Err(error) = rustix::system::sethostname(b"sandbox") {
        say(&format!("name the machine: {error}"));
    }
    if let Err(error) = loopback::bring_up() {
        say(&format!("bring the loopback device up: {error}"));
    }
    Ok(())
}

/// Devices for whoever may look at all of the machine, which is nobody.
const OTHERS_MEMORY: [&str; 2] = ["/dev/mem", "/dev/port"];

/// What commands have no use for.
const HARDENING: [(&str, &str); 4] = [
    ("/proc/sys/kernel/dmesg_restrict", "1"),
    ("/proc/sys/fs/protected_hardlinks", "1"),
    ("/proc/sys/fs/protected_symlinks", "1"),
    ("/proc/sys/user/max_user_namespaces", "0"),
];
