//! The end of a microVM.

use std::time::Duration;

use rustix::event::poll;
use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use rustix::process::{Pid, Signal, kill_process};
use rustix::system::{RebootCommand, reboot};

use crate::agent::clock::timespec;
use crate::agent::machine::say;

/// Between the request to end and the order.
const GRACE_MS: u64 = 500;

/// Kills everything, has the disk whole, and ends the machine.
pub(crate) fn end() -> ! {
    for signal in [Signal::TERM, Signal::KILL] {
        kill_all(signal);
        let _ = poll(&mut [], Some(&timespec(Duration::from_millis(GRACE_MS))));
    }
    rustix::fs::sync();
    for folder in ["/workspace", "/tmp", "/run"] {
        let _ = unmount(folder, UnmountFlags::DETACH);
    }
    let _ = mount_remount("/", MountFlags::RDONLY, "");
    rustix::fs::sync();
    if let Err(error) = reboot(RebootCommand::Restart) {
        say(&format!("restart the machine: {error}"));
    }
    loop {
        let _ = poll(&mut [], None);
    }
}

/// Signals every process but this one.
fn kill_all(signal: Signal) {
    let Ok(folder) = std::fs::read_dir("/proc") else { return };
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for pid in names.filter_map(|name| name.parse::<i32>().ok()).filter(|&pid| pid != 1) {
        if let Some(pid) = Pid::from_raw(pid) {
            let _ = kill_process(pid, signal);
        }
    }
}
