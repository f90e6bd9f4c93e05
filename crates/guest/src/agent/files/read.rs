//! Part of a file.

use std::fs::File;
use std::os::unix::fs::FileExt;

use mainstay_guest::{Answer, FileKind, MAX_READ_BYTES, Problem, Reply};
use rustix::fs::{Mode, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, open};

use super::{checked, refused, stat_of};
use crate::agent::channel::Channel;

const PIECE_BYTES: usize = 256 * 1024;

pub(crate) fn read(
    channel: &Channel,
    path: &str,
    offset: u64,
    limit_bytes: usize,
) -> Option<Reply> {
    match open_file(path, limit_bytes) {
        Ok((file, stat)) => {
            let mut at = offset;
            let mut left = limit_bytes;
            let mut buffer = vec![0; PIECE_BYTES.min(limit_bytes)];
            while left > 0 {
                let wanted = left.min(buffer.len());
                let count = match file.read_at(&mut buffer[..wanted], at) {
                    Ok(0) => break,
                    Ok(count) => count,
                    Err(error) => return Some(Err(refused("read", path, error))),
                };
                channel.write(&buffer[..count]).ok()?;
                at += count as u64;
                left -= count;
            }
            Some(Ok(Answer::File(stat)))
        }
        Err(problem) => Some(Err(problem)),
    }
}

fn open_file(path: &str, limit_bytes: usize) -> Result<(File, mainstay_guest::FileStat), Problem> {
    if limit_bytes > MAX_READ_BYTES {
        return Err(Problem::Invalid(format!("at most {MAX_READ_BYTES} bytes are read at once")));
    }
    // A pipe would have the open wait for its other end.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = open(checked(path)?, flags, Mode::empty()).map_err(|e| refused("open", path, e))?;
    let kind = fstatfs(&file).map_err(|error| refused("look at", path, error))?;
    if kind.f_type == PROC_SUPER_MAGIC {
        // There the agent would see itself, where a command sees another process.
        let text = format!("`{path}` is no file but the kernel's; a command can read it");
        return Err(Problem::Invalid(text));
    }
    let stat = stat_of(&fstat(&file).map_err(|error| refused("look at", path, error))?);
    match stat.kind {
        FileKind::File => Ok((file.into(), stat)),
        FileKind::Folder => Err(Problem::Invalid(format!("`{path}` is a folder"))),
        FileKind::Link | FileKind::Other => {
            Err(Problem::Invalid(format!("`{path}` is a pipe, socket or device, and no file")))
        }
    }
}
