//! A group of version 2 that was given to this process, made ready for groups below it.
//!
//! Invariant: nothing is moved in a group that is not given away: it has systemd's mark, or belongs to
//! this process's user while the one above does not. A group hands controllers down only while no process
//! is in it, so that its processes, this one among them, go into a group of their own below. Deliberately
//! absent: groups of version 1, where processes and groups may be side by side.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::Access;

/// The group that a delegated group's processes are moved into.
pub(super) const SERVER: &str = "mainstay-server";
/// What systemd marks a delegated group with: the second one also for those who are not root.
const MARKS: [&str; 2] = ["trusted.delegate", "user.delegate"];
const MARKED: &[u8] = b"1";
/// How often the group is emptied: what is in it may be starting processes.
const MAX_SWEEPS: u32 = 50;

/// Whether a group is this process's to divide.
pub(super) fn is_delegated(group: &Path) -> bool {
    rustix::fs::access(group, Access::WRITE_OK).is_ok() && (is_marked(group) || is_border(group))
}

fn is_marked(group: &Path) -> bool {
    let holds = |mark: &str| {
        let mut value = [0_u8; MARKED.len() + 1];
        let length = rustix::fs::getxattr(group, mark, &mut value);
        length.is_ok_and(|length| value.get(..length) == Some(MARKED))
    };
    MARKS.into_iter().any(holds)
}

/// Whether what is given to a user, who is not root, begins here.
fn is_border(group: &Path) -> bool {
    let user = rustix::process::geteuid();
    let owner = |path: &Path| fs::metadata(path).ok().map(|found| found.uid());
    let above = group.parent().and_then(owner);
    !user.is_root() && owner(group) == Some(user.as_raw()) && above != Some(user.as_raw())
}

/// Moves every process of a group into one of their own below it.
pub(super) fn vacate(group: &Path) {
    let server = group.join(SERVER);
    // One that is there already is as good; if there is none, nothing below can be done.
    let _ = fs::create_dir(&server);
    for _ in 0..MAX_SWEEPS {
        let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        if text.is_empty() {
            return;
        }
        for process in text.lines() {
            // One that has ended meanwhile cannot be moved and need not be.
            let _ = fs::write(server.join("cgroup.procs"), process);
        }
    }
}
