//! Copies of files that are mostly holes.
//!
//! Invariant: a copy costs what was written to the file, not its size; where the file system can share
//! blocks, hardly anything.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use rustix::fs::SeekFrom;

const COPY_BYTES: usize = 1 << 20;

/// Makes a file of the same content.
pub(super) fn copy_file(source: &File, to: &Path) -> io::Result<()> {
    let target = OpenOptions::new().write(true).create_new(true).open(to)?;
    if rustix::fs::ioctl_ficlone(&target, source).is_ok() {
        return Ok(());
    }
    target.set_len(source.metadata()?.len())?;
    copy_data(source, &target)
}

/// Copies what is not a hole, to the same places.
pub(super) fn copy_data(mut source: &File, mut target: &File) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = 0;
    loop {
        let start = match rustix::fs::seek(source, SeekFrom::Data(at)) {
            Ok(start) => start,
            // Nothing but a hole is left.
            Err(rustix::io::Errno::NXIO) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        at = rustix::fs::seek(source, SeekFrom::Hole(start))?;
        rustix::fs::seek(source, SeekFrom::Start(start))?;
        rustix::fs::seek(target, SeekFrom::Start(start))?;
        let mut left = at.saturating_sub(start);
        while left > 0 {
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = source.read(&mut buffer[..most])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            target.write_all(&buffer[..count])?;
            left -= count as u64;
        }
    }
}
