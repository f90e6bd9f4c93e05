//! A template's memory, as clones map it.
//!
//! Invariant: it is sealed: whoever has it can map a private copy of it, and nobody can change it, also
//! not a QEMU that opens it for writing, as it does. Deliberately absent: the pages that a clone changed.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{MemfdFlags, SealFlags};

use crate::sandbox::sparse::copy_data;

/// The name that its mapping has in `/proc/…/maps`.
pub(super) const NAME: &str = "mainstay-template";
/// Of `st_blocks`, on every file system.
const BLOCK_BYTES: u64 = 512;

/// Reads a sparse file into sealed memory of the same size.
pub(super) fn sealed(path: &Path) -> io::Result<OwnedFd> {
    let source = File::open(path)?;
    let size = source.metadata()?.len();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = File::from(rustix::fs::memfd_create(NAME, flags)?);
    memory.set_len(size)?;
    copy_data(&source, &memory)?;
    let memory = OwnedFd::from(memory);
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&memory, seals)?;
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
