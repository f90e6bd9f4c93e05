//! A file written whole: beside its place first, and then in it at once.
//!
//! Invariant: whoever reads it sees what was or what is, and nothing between; what a host that vanishes
//! began is removed.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mainstay_guest::{Answer, FileKind, MAX_WRITE_BYTES, Problem, Reply};
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, fchmod, fstat, futimens, open,
    statat,
};

use super::{checked, refused, stat_of};
use crate::agent::channel::Channel;
use crate::agent::outgoing::Over;

const DEFAULT_MODE: u32 = 0o644;

/// Of the names that are tried beside a file.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What is written, and how it is to look.
pub(crate) struct Target<'a> {
    pub(crate) path: &'a str,
    pub(crate) mode: Option<u32>,
    pub(crate) modified_ns: Option<u64>,
}

pub(crate) fn write(channel: &Channel, target: &Target<'_>) -> Option<Reply> {
    write_all(channel, target).ok()
}

fn write_all(channel: &Channel, target: &Target<'_>) -> Result<Reply, Over> {
    let mut place = match Place::prepare(target) {
        Ok(place) => place,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut total = 0;
    while let Some(piece) = channel.read()? {
        total += piece.len() as u64;
        if total > MAX_WRITE_BYTES {
            return Ok(Err(Problem::Limit(format!("a file has at most {MAX_WRITE_BYTES} bytes"))));
        }
        if let Err(error) = place.file.write_all(&piece) {
            return Ok(Err(refused("write", target.path, error)));
        }
    }
    Ok(place.finish(target))
}

struct Place {
    file: File,
    beside: PathBuf,
    path: PathBuf,
    mode: u32,
    is_finished: bool,
}

impl Place {
    fn prepare(target: &Target<'_>) -> Result<Self, Problem> {
        let path = target_of(checked(target.path)?);
        let refuse = |error: rustix::io::Errno| refused("write", target.path, error);
        let before = statat(CWD, &path, AtFlags::empty()).ok().map(|stat| stat_of(&stat));
        match before.map(|stat| stat.kind) {
            None | Some(FileKind::File) => {}
            Some(FileKind::Folder) => {
                return Err(Problem::Invalid(format!("`{}` is a folder", target.path)));
            }
            Some(FileKind::Link | FileKind::Other) => {
                let text = format!("`{}` is a pipe, socket or device, and no file", target.path);
                return Err(Problem::Invalid(text));
            }
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Problem::Invalid(format!("`{}` names no file", target.path)));
        };
        std::fs::create_dir_all(folder)
            .map_err(|error| refused("make the folder of", target.path, error))?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Names are bounded by the file system: the beginning of a long one does.
        let name: String = name.to_string_lossy().chars().take(40).collect();
        let beside = folder.join(format!(".{name}.mainstay-{}-{number}", std::process::id()));
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(&beside, flags, Mode::from_raw_mode(0o600)).map_err(refuse)?;
        let mode = target.mode.or(before.map(|stat| stat.mode)).unwrap_or(DEFAULT_MODE) & 0o7777;
        Ok(Self { file: file.into(), beside, path, mode, is_finished: false })
    }

    fn finish(mut self, target: &Target<'_>) -> Reply {
        let refuse = |error: rustix::io::Errno| refused("write", target.path, error);
        fchmod(&self.file, Mode::from_raw_mode(self.mode)).map_err(refuse)?;
        if let Some(modified_ns) = target.modified_ns {
            let modified = Timespec {
                tv_sec: i64::try_from(modified_ns / 1_000_000_000).unwrap_or_default(),
                tv_nsec: i64::try_from(modified_ns % 1_000_000_000).unwrap_or_default(),
            };
            let as_is = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
            let times = Timestamps { last_access: as_is, last_modification: modified };
            futimens(&self.file, &times).map_err(refuse)?;
        }
        let stat = stat_of(&fstat(&self.file).map_err(refuse)?);
        std::fs::rename(&self.beside, &self.path)
            .map_err(|error| refused("write", target.path, error))?;
        self.is_finished = true;
        Ok(Answer::File(stat))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = std::fs::remove_file(&self.beside);
        }
    }
}

/// Writing through a link writes what it points to, as a command would.
fn target_of(path: &str) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| Path::new(path).to_owned())
}
