//! The disk of a machine: a file system of the size that was asked for, in a file of the machine's folder.
//!
//! Invariant: it is mounted in the machine's own mount namespace alone, so that it is gone with the
//! machine's last process; the device between is freed by the kernel then. Deliberately absent: disks
//! where Mainstay is not root or the host has no loop devices; there a file is bounded, and not all files
//! together, which the driver's notes say.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file's name.
const FILE: &str = "disk.ext4";
/// Where the programs are that make disks.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
/// What the kernel puts behind the name of a file that has none any more.
const REMOVED: &[u8] = b" (deleted)";
const MIB: u64 = 1024 * 1024;

/// What makes disks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DiskMaker {
    format: PathBuf,
    attach: PathBuf,
}

/// A device that a machine's disk is attached to.
#[derive(Debug)]
pub(super) struct Attached<'a> {
    maker: &'a DiskMaker,
    pub(super) device: PathBuf,
}

impl DiskMaker {
    /// None where no disks can be made.
    pub(super) fn find() -> Option<Self> {
        let is_possible = rustix::process::geteuid().is_root()
            && rustix::fs::access("/dev/loop-control", rustix::fs::Access::WRITE_OK).is_ok();
        let find = |name: &str| {
            FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
        };
        let (format, attach) = (find("mkfs.ext4")?, find("losetup")?);
        is_possible.then_some(Self { format, attach })
    }

    /// The disk of a machine, made if there is none, on a device.
    pub(super) fn attach(
        &self,
        folder: &Path,
        user: u32,
        size_mib: u64,
    ) -> io::Result<Attached<'_>> {
        let path = folder.join(FILE);
        if !path.exists() {
            self.format(&path, user, size_mib)?;
        }
        let output =
            run(&self.attach, &[OsStr::new("--find"), OsStr::new("--show"), path.as_ref()])?;
        let device = PathBuf::from(output.trim());
        Ok(Attached { maker: self, device })
    }

    fn format(&self, path: &Path, user: u32, size_mib: u64) -> io::Result<()> {
        let draft = path.with_extension("new");
        File::create(&draft)?.set_len(size_mib.saturating_mul(MIB))?;
        // It is empty or parked when the host may fail, so that it needs no journal.
        let owner = format!("nodiscard,lazy_itable_init=1,root_owner={user}:{user}");
        let words = ["-q", "-F", "-m", "0", "-O", "^has_journal,^resize_inode", "-E", &owner];
        let mut arguments: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        arguments.push(draft.as_ref());
        run(&self.format, &arguments)?;
        fs::rename(draft, path)
    }

    /// Frees the devices of a folder that a crash left attached.
    pub(super) fn detach_all(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(FILE);
        attached().into_iter().filter(|(_, disk)| *disk == path).try_for_each(|(device, _)| {
            run(&self.attach, &[OsStr::new("--detach"), device.as_ref()]).map(drop)
        })
    }

    /// Frees the devices of machines' disks of which this holds, as far as it can be done.
    pub(super) fn detach_where(&self, is_meant: impl Fn(&Path) -> bool) {
        let is_disk = |disk: &Path| disk.file_name() == Some(OsStr::new(FILE));
        for (device, disk) in attached() {
            if is_disk(&disk) && is_meant(&disk) {
                // One that is used after all stays.
                let _ = run(&self.attach, &[OsStr::new("--detach"), device.as_ref()]);
            }
        }
    }
}

/// Loop devices, and the files that they show.
fn attached() -> Vec<(PathBuf, PathBuf)> {
    let Ok(entries) = fs::read_dir("/sys/block") else { return Vec::new() };
    let pair = |entry: fs::DirEntry| {
        let backing = fs::read(entry.path().join("loop/backing_file")).ok()?;
        let name = backing.trim_ascii_end();
        let name = name.strip_suffix(REMOVED).unwrap_or(name);
        Some((Path::new("/dev").join(entry.file_name()), PathBuf::from(OsStr::from_bytes(name))))
    };
    entries.flatten().filter_map(pair).collect()
}

impl Attached<'_> {
    /// The device is freed with the last mount of it.
    pub(super) fn let_go(self) -> io::Result<()> {
        run(&self.maker.attach, &[OsStr::new("--detach"), self.device.as_ref()]).map(drop)
    }
}

fn run(program: &Path, arguments: &[&OsStr]) -> io::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().stdin(Stdio::null());
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{} failed: {}", program.display(), said.trim())))
}
