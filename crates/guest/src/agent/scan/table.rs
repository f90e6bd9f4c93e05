//! When the files of the machine's disk changed, read from the disk's own table: a look at each of ten
//! thousand files costs a translated guest some fifty milliseconds, their table one or two.
//!
//! Invariant: what is told is as new as what the kernel would tell, because ext4 writes the time of a change
//! to the table in memory, which a reader of the device sees, before the change is done. A table that is not
//! as expected tells nothing. Deliberately absent: everything else that stands there; whoever needs it asks
//! the kernel.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

const SUPER_OFFSET: u64 = 1024;
const SUPER_BYTES: usize = 1024;
const MAGIC: u16 = 0xEF53;
/// Features that a reader must know, of those that move tables: where descriptors are spread.
const META_GROUPS: u32 = 0x10;
/// Descriptors are longer, and numbers of blocks have a high half.
const LARGE: u32 = 0x80;
const SMALL_DESCRIPTOR_BYTES: u64 = 32;
const MAX_GROUPS: u64 = 1 << 16;
/// An inode that has no room for parts of a second tells too little.
const MIN_INODE_BYTES: u64 = 160;
/// In an inode.
const CHANGED: usize = 0x0C;
const CHANGED_EXTRA: usize = 0x84;
/// Of the extra half, what makes seconds longer; the rest are nanoseconds.
const EPOCH_BITS: u32 = 2;
/// What is read at once.
const PIECE_INODES: u64 = 256;

/// The table of one disk.
pub(crate) struct Table {
    device: File,
    number: u64,
    inode_bytes: u64,
    group_inodes: u64,
    /// Where each group's part begins.
    starts: Vec<u64>,
}

impl Table {
    /// Of a disk that is mounted; none where it is no such disk.
    pub(crate) fn open(device: &Path) -> Option<Self> {
        let device = File::open(device).ok()?;
        let number = device.metadata().ok()?.rdev();
        let mut head = [0; SUPER_BYTES];
        device.read_exact_at(&mut head, SUPER_OFFSET).ok()?;
        let features = u32_at(&head, 0x60)?;
        if u16_at(&head, 0x38)? != MAGIC || features & META_GROUPS != 0 {
            return None;
        }
        let block_bytes =
            1024_u64.checked_shl(u32_at(&head, 0x18)?).filter(|size| *size <= 65536)?;
        let group_inodes = u64::from(u32_at(&head, 0x28)?).max(1);
        let inode_bytes = u64::from(u16_at(&head, 0x58)?);
        let groups = u64::from(u32_at(&head, 0x00)?).div_ceil(group_inodes);
        if inode_bytes < MIN_INODE_BYTES || groups > MAX_GROUPS {
            return None;
        }
        let is_large = features & LARGE != 0;
        let descriptor_bytes = match is_large {
            true => u64::from(u16_at(&head, 0xFE)?).max(SMALL_DESCRIPTOR_BYTES),
            false => SMALL_DESCRIPTOR_BYTES,
        };
        let first = (u64::from(u32_at(&head, 0x14)?) + 1) * block_bytes;
        let mut descriptors = vec![0; usize::try_from(groups * descriptor_bytes).ok()?];
        device.read_exact_at(&mut descriptors, first).ok()?;
        let start = |descriptor: &[u8]| {
            let high = if descriptor_bytes >= 64 { u32_at(descriptor, 0x28)? } else { 0 };
            let block = u64::from(high) << 32 | u64::from(u32_at(descriptor, 0x08)?);
            block.checked_mul(block_bytes)
        };
        let starts = descriptors.chunks_exact(usize::try_from(descriptor_bytes).ok()?).map(start);
        let starts = starts.collect::<Option<Vec<_>>>()?;
        Some(Self { device, number, inode_bytes, group_inodes, starts })
    }

    /// For one walk over a file system; none where that is another one.
    pub(super) fn look(&self, number: u64) -> Option<Look<'_>> {
        let pieces = self.group_inodes.div_ceil(PIECE_INODES) * self.starts.len() as u64;
        let pieces = (0..usize::try_from(pieces).ok()?).map(|_| None).collect();
        (number == self.number).then_some(Look { table: self, pieces })
    }
}

/// What one walk has read of it.
pub(super) struct Look<'a> {
    table: &'a Table,
    pieces: Vec<Option<Vec<u8>>>,
}

impl Look<'_> {
    /// When a file changed last, Unix nanoseconds; none where the table does not tell.
    pub(super) fn changed_ns(&mut self, inode: u64) -> Option<i128> {
        let Table { inode_bytes, group_inodes, starts, .. } = self.table;
        let index = inode.checked_sub(1)?;
        let (group, index) = (index / group_inodes, index % group_inodes);
        let piece = index / PIECE_INODES;
        let slot = usize::try_from(group * group_inodes.div_ceil(PIECE_INODES) + piece).ok()?;
        let slot = self.pieces.get_mut(slot)?;
        if slot.is_none() {
            let first = piece * PIECE_INODES;
            let count = PIECE_INODES.min(group_inodes - first);
            let mut bytes = vec![0; usize::try_from(count * inode_bytes).ok()?];
            let start = starts.get(usize::try_from(group).ok()?)?;
            let at = start.checked_add(first * inode_bytes)?;
            self.table.device.read_exact_at(&mut bytes, at).ok()?;
            *slot = Some(bytes);
        }
        let at = usize::try_from(index % PIECE_INODES * inode_bytes).ok()?;
        changed_of(slot.as_ref()?.get(at..)?)
    }
}

fn changed_of(inode: &[u8]) -> Option<i128> {
    let (seconds, extra) = (u32_at(inode, CHANGED)?, u32_at(inode, CHANGED_EXTRA)?);
    let epoch = i128::from(extra & ((1 << EPOCH_BITS) - 1)) << 32;
    let seconds = i128::from(seconds.cast_signed()) + epoch;
    Some(seconds * 1_000_000_000 + i128::from(extra >> EPOCH_BITS))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
