//! The disk of a machine: a file system of the size that was asked for, in a file of the machine's folder.
//!
//! Invariant: it is mounted in the machine's own mount namespace alone, so that it is gone with the
//! machine's last process; the device between is freed by the kernel then. A new disk is a copy of one that
//! was formatted before, which costs what is written on it. Deliberately absent: disks where Mainstay is
//! not root or the host has no loop devices; there a file is bounded, and not all files together, which
//! the driver's notes say.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify;

use super::super::{sparse, untrusted};
use super::loops::{self, Attached, CONTROL};
use super::procfs::MAX_END;
use crate::sandbox::driver::MIB;

/// The file's name.
const FILE: &str = "disk.ext4";
/// Where the program is that formats disks.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
/// The folder of formatted disks, in the scratch folder.
const FORMATTED: &str = ".disks";
/// Sizes of which one is kept; the one that was made longest ago goes.
const MAX_FORMATTED_COUNT: usize = 16;
/// How they are formatted: empty or parked when the host may fail, a disk needs no journal. A folder is
/// kept for each number.
const FORMAT: u32 = 2;
const OPTIONS: [&str; 8] = [
    "-q",
    "-F",
    "-m",
    "0",
    "-O",
    "^has_journal,^resize_inode",
    "-E",
    "nodiscard,lazy_itable_init=1",
];
/// What a new file system has and a workspace does not.
const TIDY: [&str; 3] = ["-w", "-R", "rmdir lost+found"];

/// What makes disks.
#[derive(Debug)]
pub(super) struct DiskMaker {
    program: PathBuf,
    formatted: PathBuf,
    /// Names drafts.
    drafts: AtomicU32,
}

/// A disk whose machine ends.
#[derive(Debug)]
pub(super) struct Ending {
    disk: PathBuf,
    /// Is told when no device shows it any more; none where none does.
    closed: Option<OwnedFd>,
}

impl Ending {
    /// Returns when the kernel has taken the device apart, which it does behind the end of the last process.
    pub(super) fn wait(self) -> io::Result<()> {
        if let Some(closed) = &self.closed {
            let mut events = [PollFd::new(closed, PollFlags::IN)];
            let timeout = Timespec::try_from(MAX_END).ok();
            let polled =
                rustix::io::retry_on_intr(|| rustix::event::poll(&mut events, timeout.as_ref()));
            if polled? == 0 {
                let disk = self.disk.display();
                return Err(io::Error::other(format!("{disk} is in use after {MAX_END:?}")));
            }
        }
        Ok(())
    }
}

impl DiskMaker {
    /// With a folder on the host's disk; none where no disks can be made.
    pub(super) fn find(scratch: &Path) -> Option<Self> {
        let is_possible = rustix::process::geteuid().is_root()
            && rustix::fs::access(CONTROL, rustix::fs::Access::WRITE_OK).is_ok();
        let mut paths = FOLDERS.iter().map(|folder| Path::new(folder).join("mkfs.ext4"));
        let program = paths.find(|path| path.is_file())?;
        let formatted = scratch.join(FORMATTED).join(FORMAT.to_string());
        is_possible.then(|| Self { program, formatted, drafts: AtomicU32::new(0) })
    }

    /// The disk of a machine, made if there is none, on a device.
    pub(super) fn attach(&self, folder: &Path, size_mib: u64) -> io::Result<Attached> {
        let path = folder.join(FILE);
        if !path.exists() {
            let draft = path.with_extension("new");
            match fs::remove_file(&draft) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            sparse::copy_file(&self.formatted(size_mib)?, &draft)?;
            fs::rename(draft, &path)?;
        }
        loops::attach(&path)
    }

    /// An empty disk of this size.
    fn formatted(&self, size_mib: u64) -> io::Result<File> {
        let path = self.formatted.join(size_mib.to_string());
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.formatted)?;
        self.forget_oldest()?;
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = self.formatted.join(format!("{}-{number}.new", std::process::id()));
        File::create(&draft)?.set_len(size_mib.saturating_mul(MIB))?;
        self.format(&draft)?;
        fs::rename(&draft, &path)?;
        File::open(path)
    }

    fn format(&self, file: &Path) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        command.args(OPTIONS).arg(file).env_clear().stdin(Stdio::null());
        let output = command.output()?;
        if output.status.success() {
            // Where the program is not there, each new machine does it, which takes it some time.
            let mut tidy = Command::new(self.program.with_file_name("debugfs"));
            let _ = tidy.args(TIDY).arg(file).env_clear().stdin(Stdio::null()).output();
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{} failed: {}", self.program.display(), said.trim())))
    }

    /// Makes place for one more. Drafts of servers that were killed go the same way.
    fn forget_oldest(&self) -> io::Result<()> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.formatted)? {
            let entry = entry?;
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
        found.sort();
        let over = (found.len() + 1).saturating_sub(MAX_FORMATTED_COUNT);
        found.iter().take(over).try_for_each(|(_, path)| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    }

    /// Looks on at the end of a machine whose disk is needed again; none where it has no disk.
    pub(super) fn watch(folder: &Path) -> io::Result<Option<Ending>> {
        let disk = folder.join(FILE);
        let closed = inotify::init(inotify::CreateFlags::CLOEXEC)?;
        match inotify::add_watch(&closed, &disk, inotify::WatchFlags::CLOSE_WRITE) {
            Ok(_) => {}
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let is_shown = loops::attached().into_iter().any(|(_, shown)| shown == disk);
        Ok(Some(Ending { disk, closed: is_shown.then_some(closed) }))
    }

    /// Returns when everything that a machine which has ended wrote is on the host's disk; false of one without
    /// a disk.
    pub(super) fn flush(folder: &Path) -> io::Result<bool> {
        let disk = folder.join(FILE);
        match disk.is_file() {
            true => untrusted::flush(&disk).map(|()| true),
            false => Ok(false),
        }
    }

    /// Frees the devices of a folder that a crash left attached.
    pub(super) fn detach_all(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(FILE);
        let mut meant = loops::attached().into_iter().filter(|(_, disk)| *disk == path);
        meant.try_for_each(|(device, _)| loops::detach(&device))
    }

    /// Frees the devices of machines' disks of which this holds, as far as it can be done.
    pub(super) fn detach_where(&self, is_meant: impl Fn(&Path) -> bool) {
        let is_disk = |disk: &Path| disk.file_name() == Some(OsStr::new(FILE));
        for (device, disk) in loops::attached() {
            if is_disk(&disk) && is_meant(&disk) {
                // One that is used after all stays.
                let _ = loops::detach(&device);
            }
        }
    }
}
