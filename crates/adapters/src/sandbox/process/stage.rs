//! What is done in the new process before it becomes bubblewrap.
//!
//! Invariant: nothing here allocates or takes a lock, because other threads of the server may have held
//! one when the process was copied. Where Mainstay is root, this process gives that up before bubblewrap
//! starts: the few folders that the machine needs are mounted where every user finds them, in a mount
//! namespace that nobody else sees and that ends with the machine.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::process::{Gid, Resource, Rlimit, Uid};
use rustix::thread::UnshareFlags;

use super::arguments::Sources;

/// A folder that every host has; what is in it is not seen from then on.
const STAGE: &CStr = c"/tmp";
const STAGED_TREE: &CStr = c"/tmp/tree";
const STAGED_WORKSPACE: &CStr = c"/tmp/workspace";
const LOST_AND_FOUND: &CStr = c"/tmp/workspace/lost+found";
const STAGED_AGENT: &CStr = c"/tmp/agent";
/// What is freed goes back to the host. A machine that the host dies under is made from its checkpoint, so
/// that nothing of it waits for the host's disk; one that is parked is flushed afterwards.
const DISK_OPTIONS: &CStr = c"discard,nobarrier,noinit_itable";
/// The first descriptor that is not one of the standard three.
const FIRST_OTHER_FD: libc::c_uint = 3;

/// Where bubblewrap finds what it mounts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Staged {
    pub(super) tree: &'static str,
    pub(super) workspace: &'static str,
    pub(super) agent: &'static str,
}

/// The places that [`Root`] makes.
pub(super) const STAGED: Staged =
    Staged { tree: "/tmp/tree", workspace: "/tmp/workspace", agent: "/tmp/agent" };

/// What the new process does.
#[derive(Debug)]
pub(super) struct Stage {
    /// The groups to enter.
    pub(super) doors: Vec<File>,
    /// What bubblewrap gets beside the standard three.
    pub(super) handles: Vec<OwnedFd>,
    /// Where a failed step is written.
    pub(super) log: File,
    /// Done where Mainstay is root.
    pub(super) root: Option<Root>,
}

/// What only root can do.
#[derive(Debug)]
pub(super) struct Root {
    tree: CString,
    workspace: CString,
    agent_folder: CString,
    agent_name: CString,
    uid: Uid,
    gid: Gid,
    limits: Vec<(Resource, Rlimit)>,
    disk: Option<CString>,
}

impl Root {
    /// Shows these, and becomes this user with these limits. The workspace is on a disk of its own, if
    /// there is one.
    pub(super) fn new(
        sources: &Sources<'_>,
        disk: Option<&Path>,
        uid: u32,
        limits: Vec<(Resource, Rlimit)>,
    ) -> io::Result<Self> {
        let agent = sources.agent.unwrap_or(Path::new("/dev/null"));
        let missing = || io::Error::other("the agent has no folder");
        Ok(Self {
            tree: text(sources.tree)?,
            workspace: text(sources.workspace)?,
            agent_folder: text(agent.parent().ok_or_else(missing)?)?,
            agent_name: text(Path::new(agent.file_name().ok_or_else(missing)?))?,
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(uid),
            limits,
            disk: disk.map(text).transpose()?,
        })
    }

    fn enter(&self, log: &File) -> io::Result<()> {
        // SAFETY: other namespaces than the one of mounts are not touched, and this process has one
        // thread, so that no other thread's view of the file tree changes.
        #[expect(unsafe_code, reason = "an isolation back end; the call is a plain system call")]
        let unshared = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) };
        step(log, "cannot make a mount namespace", unshared)?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        let changed = rustix::mount::mount_change(c"/", private);
        step(log, "cannot make the mounts private", changed)?;
        // Nothing looks at it from here on, and bubblewrap reads the list of mounts for each that it makes:
        // most of a host's are below.
        let _ = rustix::mount::unmount(c"/sys", UnmountFlags::DETACH);
        let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = |path: &CStr| rustix::fs::open(path, folder, Mode::empty());
        let tree = step(log, "cannot open the image's tree", open(&self.tree))?;
        let no_link = folder | OFlags::NOFOLLOW;
        let workspace = rustix::fs::open(self.workspace.as_c_str(), no_link, Mode::empty());
        let workspace = step(log, "cannot open the workspace", workspace)?;
        let agent = step(log, "cannot open the agent's folder", open(&self.agent_folder))?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        let mounted = rustix::mount::mount(c"tmpfs", STAGE, c"tmpfs", flags, c"mode=0755,size=64k");
        step(log, "cannot mount over /tmp", mounted)?;
        step(log, "cannot show the image", show(&tree, c".", STAGED_TREE))?;
        step(log, "cannot show the workspace", show(&workspace, c".", STAGED_WORKSPACE))?;
        if let Some(disk) = &self.disk {
            let flags = flags | MountFlags::NOATIME;
            let mounted = rustix::mount::mount(
                disk.as_c_str(),
                STAGED_WORKSPACE,
                c"ext4",
                flags,
                DISK_OPTIONS,
            );
            step(log, "cannot mount the machine's disk", mounted)?;
            let (uid, gid) = (Some(self.uid), Some(self.gid));
            let given = rustix::fs::chown(STAGED_WORKSPACE, uid, gid);
            step(log, "cannot give the machine its disk", given)?;
            // A folder of the file system's own; one that is parked has none any more.
            let _ = rustix::fs::rmdir(LOST_AND_FOUND);
        }
        let touched = rustix::fs::open(
            STAGED_AGENT,
            OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::RUSR,
        );
        step(log, "cannot make a place for the agent", touched.map(drop))?;
        rustix::process::fchdir(&agent)?;
        let bound = rustix::mount::mount_bind(self.agent_name.as_c_str(), STAGED_AGENT);
        step(log, "cannot show the agent", bound)?;
        rustix::process::chdir(c"/")?;
        for (resource, limit) in &self.limits {
            step(log, "cannot set a limit", rustix::process::setrlimit(*resource, *limit))?;
        }
        step(log, "cannot leave the groups of root", rustix::thread::set_thread_groups(&[]))?;
        let became = rustix::thread::set_thread_res_gid(self.gid, self.gid, self.gid);
        step(log, "cannot become the machine's user (is it mapped here?)", became)?;
        let became = rustix::thread::set_thread_res_uid(self.uid, self.uid, self.uid);
        step(log, "cannot become the machine's user (is it mapped here?)", became)
    }
}

impl Stage {
    /// Everything, in the new process.
    pub(super) fn enter(&self) -> io::Result<()> {
        let log = &self.log;
        step(log, "cannot leave the server's session", rustix::process::setsid().map(drop))?;
        for door in &self.doors {
            step(log, "cannot enter the control group", rustix::io::write(door, b"0").map(drop))?;
        }
        step(log, "cannot close what the server has open", close_on_exec())?;
        for handle in &self.handles {
            let kept = rustix::io::fcntl_setfd(handle.as_fd(), FdFlags::empty());
            step(log, "cannot keep a descriptor", kept)?;
        }
        if let Some(root) = &self.root {
            root.enter(log)?;
        }
        step(log, "cannot give up privileges", rustix::thread::set_no_new_privs(true))
    }
}

fn show(folder: &OwnedFd, path: &CStr, at: &CStr) -> rustix::io::Result<()> {
    rustix::fs::mkdir(at, Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH)?;
    rustix::process::fchdir(folder)?;
    rustix::mount::mount_bind_recursive(path, at)
}

/// Whatever else the server has open ends here, also what a library opened carelessly.
fn close_on_exec() -> rustix::io::Result<()> {
    // SAFETY: three numbers go in, nothing is read or written through a pointer, and descriptors stay
    // valid until the program is replaced.
    #[expect(unsafe_code, reason = "an isolation back end; no safe crate has the call")]
    let answer = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST_OTHER_FD,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    match answer {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()
            .raw_os_error()
            .map_or(rustix::io::Errno::INVAL, rustix::io::Errno::from_raw_os_error)),
    }
}

/// Writes which step failed, because only a number gets out of here.
fn step<T>(log: &File, failed: &str, answer: rustix::io::Result<T>) -> io::Result<T> {
    answer.map_err(|error| {
        // Nobody can be told that the log cannot be written.
        let _ = rustix::io::write(log, failed.as_bytes());
        let _ = rustix::io::write(log, b"\n");
        io::Error::from(error)
    })
}

fn text(path: &Path) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    let named = || io::Error::other(format!("{} has a null character", path.display()));
    CString::new(path.as_os_str().as_bytes()).map_err(|_| named())
}
