//! The memory of machines that boot, and a template's, as clones map it.
//!
//! Invariant: a template's is sealed: whoever has it can map a private copy of it, and nobody can change it, also
//! not a QEMU that opens it for writing, as it does. Deliberately absent: the pages that a clone changed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{MemfdFlags, SealFlags};

use crate::sandbox::driver::MIB;
use crate::sandbox::sparse::copy_data;

/// The name that its mapping has in `/proc/…/maps`.
pub(super) const NAME: &str = "mainstay-template";
/// Of `st_blocks`, on every file system.
const BLOCK_BYTES: u64 = 512;

/// Memory for a machine that boots. Each page of a file's would wait for the file's file system.
pub(super) fn fresh(size_mib: u64) -> io::Result<OwnedFd> {
    made(size_mib.saturating_mul(MIB)).map(OwnedFd::from)
}

/// Writes what a machine left in its memory to a file of the same size, and as sparse.
pub(super) fn write_down(memory: OwnedFd, path: &Path) -> io::Result<()> {
    let memory = File::from(memory);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_len(memory.metadata()?.len())?;
    copy_data(&memory, &file)
}

/// Reads a sparse file into sealed memory of the same size.
pub(super) fn sealed(path: &Path) -> io::Result<OwnedFd> {
    let source = File::open(path)?;
    let memory = made(source.metadata()?.len())?;
    copy_data(&source, &memory)?;
    let memory = OwnedFd::from(memory);
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&memory, seals)?;
    Ok(memory)
}

fn made(size_bytes: u64) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = File::from(rustix::fs::memfd_create(NAME, flags)?);
    memory.set_len(size_bytes)?;
    Ok(memory)
}

/// What is allocated of it. A page that a clone writes first is allocated here too, as zeros.
pub(super) fn allocated_bytes(memory: &OwnedFd) -> io::Result<u64> {
    let blocks = rustix::fs::fstat(memory)?.st_blocks;
    Ok(u64::try_from(blocks).unwrap_or_default() * BLOCK_BYTES)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
