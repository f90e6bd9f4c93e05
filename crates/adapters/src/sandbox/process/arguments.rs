//! What bubblewrap is told: the file tree and the namespaces of a machine.
//!
//! Invariant: what is not named here is not there. Of the host's files a machine sees its image and the
//! agent, both read-only, and its workspace. Deliberately absent: what is done before bubblewrap starts
//! (`stage`), and limits.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use mainstay_core::port::WORKSPACE;

/// Where the agent is, inside.
pub(super) const AGENT_INSIDE: &str = "/.agent";
/// The name of every machine, inside.
const HOSTNAME: &str = "sandbox";
/// The user that everything runs as, inside.
const UID_INSIDE: &str = "1000";
/// Folders of an image that a machine has its own of, or none.
const NOT_FROM_IMAGE: [&str; 12] = [
    "boot",
    "dev",
    "home",
    "lost+found",
    "media",
    "mnt",
    "proc",
    "root",
    "run",
    "sys",
    "tmp",
    "workspace",
];
/// The most entries that the topmost folder of an image may have.
const MAX_IMAGE_ENTRIES: usize = 256;
/// Files of services that a machine writes to `/run`.
const MAX_RUN_BYTES: u64 = 16 * 1024 * 1024;

/// What a machine sees of the host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a> {
    /// The image's tree, as its entries are listed.
    pub(super) listed: &'a Path,
    /// The image's tree, as bubblewrap finds it.
    pub(super) tree: &'a Path,
    /// The entries of the tree that are shown; all that an image may bring when none.
    pub(super) only: Option<&'a [&'a str]>,
    /// The workspace.
    pub(super) workspace: &'a Path,
    /// The agent; none runs a program of the tree.
    pub(super) agent: Option<&'a Path>,
}

/// What bubblewrap is handed open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handles<'a> {
    /// Where it says what it did.
    pub(super) status: &'a OwnedFd,
    /// What it reads from before it starts the program.
    pub(super) gate: &'a OwnedFd,
    /// The filters of system calls.
    pub(super) filters: &'a [OwnedFd; 2],
}

/// Everything that bubblewrap is told, up to the program.
pub(super) fn arguments(
    sources: &Sources<'_>,
    handles: &Handles<'_>,
    memory_bytes: u64,
) -> io::Result<Vec<OsString>> {
    let mut told = Told::default();
    for flag in [
        "--unshare-user",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup",
        "--disable-userns",
        "--as-pid-1",
        "--new-session",
        "--clearenv",
    ] {
        told.say(&[flag]);
    }
    told.say(&["--uid", UID_INSIDE, "--gid", UID_INSIDE, "--hostname", HOSTNAME]);
    image(&mut told, sources)?;
    let half_memory = (memory_bytes / 2).max(1);
    told.say(&["--proc", "/proc"]);
    told.say(&["--dev", "/dev"]);
    told.memory_folder("/dev/shm", half_memory);
    told.say(&["--remount-ro", "/dev"]);
    told.memory_folder("/tmp", half_memory);
    told.say(&["--perms", "0755", "--size", &MAX_RUN_BYTES.to_string(), "--tmpfs", "/run"]);
    if sources.listed.join("var/tmp").is_dir() && sources.shows("var") {
        told.memory_folder("/var/tmp", half_memory);
    }
    told.bind("--bind", sources.workspace, OsStr::new(WORKSPACE));
    if let Some(agent) = sources.agent {
        told.bind("--ro-bind", agent, OsStr::new(AGENT_INSIDE));
    }
    told.say(&["--remount-ro", "/", "--chdir", WORKSPACE]);
    for filter in handles.filters {
        told.say(&["--add-seccomp-fd", &filter.as_raw_fd().to_string()]);
    }
    told.say(&["--json-status-fd", &handles.status.as_raw_fd().to_string()]);
    told.say(&["--block-fd", &handles.gate.as_raw_fd().to_string(), "--"]);
    Ok(told.0)
}

impl Sources<'_> {
    fn shows(&self, name: &str) -> bool {
        let is_listed = self.only.is_none_or(|only| only.contains(&name));
        is_listed && !NOT_FROM_IMAGE.contains(&name)
    }
}

#[derive(Default)]
struct Told(Vec<OsString>);

impl Told {
    fn say(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn bind(&mut self, how: &str, source: &Path, target: &OsStr) {
        self.0.extend([how.into(), source.into(), target.to_owned()]);
    }

    /// A folder in memory that everybody may write to.
    fn memory_folder(&mut self, path: &str, max_bytes: u64) {
        self.say(&["--perms", "1777", "--size", &max_bytes.to_string(), "--tmpfs", path]);
    }
}

fn image(told: &mut Told, sources: &Sources<'_>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(sources.listed)?.collect::<io::Result<_>>()?;
    entries.retain(|entry| entry.file_name().to_str().is_some_and(|name| sources.shows(name)));
    if entries.len() > MAX_IMAGE_ENTRIES {
        return Err(io::Error::other(format!(
            "the image's topmost folder has more than {MAX_IMAGE_ENTRIES} entries"
        )));
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        let inside = Path::new("/").join(entry.file_name());
        if kind.is_dir() {
            let source = sources.tree.join(entry.file_name());
            told.bind("--ro-bind", &source, inside.as_os_str());
        } else if kind.is_symlink() {
            told.bind("--symlink", &fs::read_link(entry.path())?, inside.as_os_str());
        }
    }
    Ok(())
}
