//! The file tree of a microVM.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use rustix::mount::{MountFlags, mount, mount_bind, mount_move, mount_remount};
use rustix::process::chroot;

use crate::agent::confine::USER_ID;
use crate::agent::machine::say;

const IMAGE: &str = "/image";
const DISK: &str = "/disk";
/// The machine's own disk, if it has one.
pub(crate) const DISK_DEVICE: &str = "/dev/vdb";
const ROOT: &str = "/root";

/// Switches on that the kernel knows what was used lately, which others' kernels do not begin with.
const KNOWS_USE: &str = "/sys/kernel/mm/lru_gen/enabled";
/// Where the kernel takes for how long it keeps what was used.
const WORKING_SET: &str = "/sys/kernel/mm/lru_gen/min_ttl_ms";
/// What was used within this time is kept, and a process killed where there is no room for it.
const MIN_WORKING_SET_MS: u32 = 1000;

/// File systems that an image may be.
const IMAGE_KINDS: [&str; 3] = ["erofs", "squashfs", "ext4"];

/// Mounts everything and makes the image, with the disk over it, the root.
pub(super) fn mount_all() -> Result<(), String> {
    make("/dev", 0o755)?;
    attach("devtmpfs", "/dev", MountFlags::NOSUID | MountFlags::NOEXEC, "mode=0755")?;
    mount_image()?;
    mount_disk()?;
    for name in ["upper", "work", "workspace"] {
        make(&format!("{DISK}/{name}"), 0o755)?;
    }
    make(ROOT, 0o755)?;
    let layers = format!("lowerdir={IMAGE},upperdir={DISK}/upper,workdir={DISK}/work");
    attach("overlay", ROOT, MountFlags::empty(), &layers)?;
    make(&format!("{ROOT}/workspace"), 0o755)?;
    mount_bind(format!("{DISK}/workspace"), format!("{ROOT}/workspace"))
        .map_err(|error| format!("mount the workspace: {error}"))?;
    enter().map_err(|error| format!("make the image the root: {error}"))?;
    mount_system()?;
    let own = fs::set_permissions("/workspace", fs::Permissions::from_mode(0o755));
    own.and_then(|()| chown("/workspace", Some(USER_ID), Some(USER_ID)))
        .map_err(|error| format!("give the workspace to its user: {error}"))
}

fn mount_image() -> Result<(), String> {
    make(IMAGE, 0o755)?;
    let mut last = String::new();
    for kind in IMAGE_KINDS {
        match mount("/dev/vda", IMAGE, kind, MountFlags::RDONLY, None) {
            Ok(()) => return Ok(()),
            Err(error) => last = format!("mount the root image /dev/vda: {error}"),
        }
    }
    Err(last)
}

fn mount_disk() -> Result<(), String> {
    make(DISK, 0o755)?;
    let own = MountFlags::NODEV | MountFlags::NOSUID;
    if Path::new(DISK_DEVICE).exists() {
        return mount(DISK_DEVICE, DISK, "ext4", own | MountFlags::NOATIME, None)
            .map_err(|error| format!("mount the disk {DISK_DEVICE}: {error}"));
    }
    attach("tmpfs", DISK, own, "mode=0755,size=50%")
}

/// The initial file system cannot be pivoted away: the new root is moved over it.
fn enter() -> io::Result<()> {
    // Devices that are there already go along.
    fs::create_dir_all(format!("{ROOT}/dev"))?;
    mount_move("/dev", format!("{ROOT}/dev"))?;
    std::env::set_current_dir(ROOT)?;
    mount_move(".", "/")?;
    chroot(".")?;
    std::env::set_current_dir("/")
}

fn mount_system() -> Result<(), String> {
    let shut = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    for folder in ["/proc", "/sys", "/run", "/tmp"] {
        make(folder, 0o755)?;
    }
    attach("proc", "/proc", shut, "hidepid=invisible")?;
    attach("sysfs", "/sys", shut, "")?;
    tune();
    mount_remount("/sys", shut | MountFlags::RDONLY, "")
        .map_err(|error| format!("make /sys read-only: {error}"))?;
    attach("tmpfs", "/run", MountFlags::NOSUID | MountFlags::NODEV, "mode=0755,size=16m")?;
    for (folder, mode) in [("/tmp", 0o1777), ("/var/tmp", 0o1777)] {
        make(folder, mode)?;
    }
    make("/dev/pts", 0o755)?;
    make("/dev/shm", 0o1777)?;
    let terminals = attach(
        "devpts",
        "/dev/pts",
        MountFlags::NOSUID | MountFlags::NOEXEC,
        "mode=0620,ptmxmode=0666",
    );
    let shared =
        attach("tmpfs", "/dev/shm", MountFlags::NOSUID | MountFlags::NODEV, "mode=1777,size=50%");
    for failed in [terminals, shared].into_iter().filter_map(Result::err) {
        say(&failed);
    }
    let links = [
        ("/proc/self/fd", "/dev/fd"),
        ("fd/0", "/dev/stdin"),
        ("fd/1", "/dev/stdout"),
        ("fd/2", "/dev/stderr"),
    ];
    for (target, link) in links {
        // A kernel that makes them itself is fine.
        let _ = symlink(target, link);
    }
    Ok(())
}

/// Has a machine whose memory is short kill at once instead of reading its programs again and again.
fn tune() {
    for (file, value) in [(KNOWS_USE, "y"), (WORKING_SET, &MIN_WORKING_SET_MS.to_string())] {
        if let Err(error) = fs::write(file, value) {
            say(&format!("write {file}: {error}"));
        }
    }
}

fn make(folder: &str, mode: u32) -> Result<(), String> {
    let made = fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(mode)));
    made.map_err(|error| format!("make the folder {folder}: {error}"))
}

fn attach(kind: &str, folder: &str, flags: MountFlags, options: &str) -> Result<(), String> {
    let options = CString::new(options).map_err(|error| format!("options of {folder}: {error}"))?;
    mount(kind, folder, kind, flags, Some(options.as_c_str()))
        .map_err(|error| format!("mount {kind} on {folder}: {error}"))
}
