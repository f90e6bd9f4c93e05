//! Loop devices: files as disks.
//!
//! Invariant: a device that is attached here is freed by the kernel when nobody has it open or mounted any
//! more, at whatever point this process is killed.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where devices are asked for.
pub(super) const CONTROL: &str = "/dev/loop-control";
/// Others take devices too, also the one that was just free.
const MAX_TRIES: u32 = 64;
/// What the kernel puts behind the name of a file that has none any more.
const REMOVED: &[u8] = b" (deleted)";

/// The kernel's numbers of its requests.
const LOOP_CLR_FD: libc::Ioctl = 0x4C01;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
/// The device goes with its last user.
const LO_FLAGS_AUTOCLEAR: u32 = 4;

/// A device that shows a file, held open until it is mounted.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) path: PathBuf,
    _handle: File,
}

/// The kernel's `loop_config`.
#[repr(C)]
struct Config {
    file: u32,
    block_bytes: u32,
    info: Info,
    reserved: [u64; 8],
}

/// The kernel's `loop_info64`.
#[repr(C)]
struct Info {
    places: [u64; 5],
    numbers: [u32; 3],
    flags: u32,
    names: [[u8; 64]; 2],
    key: [u8; 32],
    rest: [u64; 2],
}

/// Shows a file as a device.
pub(super) fn attach(file: &Path) -> io::Result<Attached> {
    let failed = |error: io::Error| {
        io::Error::new(error.kind(), format!("attaching {} to a device: {error}", file.display()))
    };
    attach_file(&OpenOptions::new().read(true).write(true).open(file)?).map_err(failed)
}

fn attach_file(file: &File) -> io::Result<Attached> {
    let control = OpenOptions::new().read(true).write(true).open(CONTROL)?;
    let number = u32::try_from(file.as_raw_fd()).map_err(io::Error::other)?;
    let info = Info {
        places: [0; 5],
        numbers: [0; 3],
        flags: LO_FLAGS_AUTOCLEAR,
        names: [[0; 64]; 2],
        key: [0; 32],
        rest: [0; 2],
    };
    let config = Config { file: number, block_bytes: 0, info, reserved: [0; 8] };
    let mut last = io::Error::from(io::ErrorKind::ResourceBusy);
    for _ in 0..MAX_TRIES {
        let free = request(&control, LOOP_CTL_GET_FREE, None)?;
        let path = PathBuf::from(format!("/dev/loop{free}"));
        let handle = OpenOptions::new().read(true).write(true).open(&path)?;
        match request(&handle, LOOP_CONFIGURE, Some(&config)) {
            Ok(_) => return Ok(Attached { path, _handle: handle }),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Frees a device; one that is mounted goes with its mount.
pub(super) fn detach(device: &Path) -> io::Result<()> {
    let handle = File::open(device)?;
    match request(&handle, LOOP_CLR_FD, None) {
        // It was freed meanwhile.
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Ok(()),
        done => done.map(drop),
    }
}

/// Loop devices, and the files that they show.
pub(super) fn attached() -> Vec<(PathBuf, PathBuf)> {
    let Ok(entries) = fs::read_dir("/sys/block") else { return Vec::new() };
    let pair = |entry: fs::DirEntry| {
        let backing = fs::read(entry.path().join("loop/backing_file")).ok()?;
        let name = backing.trim_ascii_end();
        let name = name.strip_suffix(REMOVED).unwrap_or(name);
        Some((Path::new("/dev").join(entry.file_name()), PathBuf::from(OsStr::from_bytes(name))))
    };
    entries.flatten().filter_map(pair).collect()
}

fn request(
    device: &impl AsFd,
    number: libc::Ioctl,
    config: Option<&Config>,
) -> io::Result<libc::c_int> {
    let argument = config.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the descriptor is open while it is borrowed. The one request with an argument reads a
    // `loop_config`, which this has the shape of, and writes nothing; the others take none.
    #[expect(unsafe_code, reason = "an isolation back end; no library has these requests")]
    let answer = unsafe { libc::ioctl(device.as_fd().as_raw_fd(), number, argument) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
