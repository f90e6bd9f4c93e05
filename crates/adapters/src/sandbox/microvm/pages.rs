//! The pages of a stopped machine that differ from its template, out of QEMU and into another one.
//!
//! Invariant: QEMU is not asked: its mapping of the template is read from outside, by what the kernel
//! says of it, and no page beyond the guest's memory is read or written. The file is written and read by
//! us alone. Deliberately absent: pages that the machine never wrote, which the template has.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::memory::NAME;

const PAGE_BYTES: u64 = 4096;
const ENTRY_BYTES: usize = 8;
/// In an entry of a page map: it is in memory, or swapped out.
const IS_PRESENT: u64 = 0b11 << 62;
/// In an entry of a page map: it is the file's own and not a private copy.
const IS_OF_FILE: u64 = 1 << 61;
const MAGIC: [u8; 8] = *b"MSPAGES1";
const RUN_PAGES: u64 = 256;
const CHUNK_ENTRIES: u64 = 1 << 16;

/// A piece of QEMU's mapping of the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    /// In QEMU's memory.
    address: u64,
    size_bytes: u64,
    /// In the guest's memory.
    offset: u64,
}

/// Writes the pages of a stopped machine that are its own; gives their count.
pub(super) fn save(pid: i32, memory_bytes: u64, path: &Path) -> io::Result<u64> {
    let pieces = pieces(pid, memory_bytes)?;
    let map = File::open(format!("/proc/{pid}/pagemap"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    out.write_all(&MAGIC)?;
    let mut buffer = Vec::new();
    let mut count = 0;
    for piece in pieces {
        for (first, pages) in own_pages(&map, piece)? {
            let length = usize::try_from(pages * PAGE_BYTES).map_err(io::Error::other)?;
            buffer.resize(length, 0);
            memory.read_exact_at(&mut buffer, piece.address + first * PAGE_BYTES)?;
            let place = piece.offset + first * PAGE_BYTES;
            out.write_all(&place.to_le_bytes())?;
            out.write_all(&pages.to_le_bytes())?;
            out.write_all(&buffer)?;
            count += pages;
        }
    }
    out.flush()?;
    Ok(count)
}

/// Puts saved pages into a machine that has not started.
pub(super) fn load(pid: i32, memory_bytes: u64, path: &Path) -> io::Result<()> {
    let pieces = pieces(pid, memory_bytes)?;
    let memory = fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/mem"))?;
    let mut source = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut magic = [0; 8];
    source.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(io::Error::other("the saved pages are of another version"));
    }
    let mut buffer = Vec::new();
    while let Some((place, pages)) = header(&mut source)? {
        if pages == 0 || pages > RUN_PAGES {
            return Err(io::Error::other("the saved pages are damaged"));
        }
        let size_bytes = pages * PAGE_BYTES;
        let length = usize::try_from(size_bytes).map_err(io::Error::other)?;
        buffer.resize(length, 0);
        source.read_exact(&mut buffer)?;
        memory.write_all_at(&buffer, address(&pieces, place, size_bytes)?)?;
    }
    Ok(())
}

/// Where a run of pages begins, and its length; none at the end.
fn header(source: &mut impl Read) -> io::Result<Option<(u64, u64)>> {
    let mut place = [0; 8];
    match source.read(&mut place)? {
        0 => return Ok(None),
        count => source.read_exact(&mut place[count..])?,
    }
    let mut pages = [0; 8];
    source.read_exact(&mut pages)?;
    Ok(Some((u64::from_le_bytes(place), u64::from_le_bytes(pages))))
}

fn address(pieces: &[Piece], place: u64, size_bytes: u64) -> io::Result<u64> {
    let holds = |piece: &&Piece| {
        place >= piece.offset
            && place.saturating_add(size_bytes) <= piece.offset.saturating_add(piece.size_bytes)
    };
    let piece = pieces.iter().find(holds);
    let piece = piece.ok_or_else(|| io::Error::other("a saved page is outside of the memory"))?;
    Ok(piece.address + (place - piece.offset))
}

/// Runs of pages of a piece, from its beginning, that are private copies.
fn own_pages(map: &File, piece: Piece) -> io::Result<Vec<(u64, u64)>> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    let total = piece.size_bytes / PAGE_BYTES;
    let mut at = 0;
    while at < total {
        let entries = CHUNK_ENTRIES.min(total - at);
        let length = usize::try_from(entries).map_err(io::Error::other)? * ENTRY_BYTES;
        let mut bytes = vec![0; length];
        let place = (piece.address / PAGE_BYTES + at) * ENTRY_BYTES as u64;
        map.read_exact_at(&mut bytes, place)?;
        for (page, entry) in (at..).zip(bytes.chunks_exact(ENTRY_BYTES)) {
            let entry = u64::from_le_bytes(entry.try_into().expect("chunks are of that size"));
            if entry & IS_PRESENT == 0 || entry & IS_OF_FILE != 0 {
                continue;
            }
            match runs.last_mut() {
                Some((first, count)) if *first + *count == page && *count < RUN_PAGES => {
                    *count += 1;
                }
                _ => runs.push((page, 1)),
            }
        }
        at += entries;
    }
    Ok(runs)
}

/// QEMU's mappings of the template.
fn pieces(pid: i32, memory_bytes: u64) -> io::Result<Vec<Piece>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let pieces = pieces_of(&maps, memory_bytes);
    if pieces.iter().map(|piece| piece.size_bytes).sum::<u64>() == memory_bytes {
        return Ok(pieces);
    }
    Err(io::Error::other("the machine's memory is not mapped whole"))
}

fn pieces_of(maps: &str, memory_bytes: u64) -> Vec<Piece> {
    let name = format!("/memfd:{NAME}");
    maps.lines()
        .filter(|line| line.contains(&name))
        .filter_map(piece)
        .filter(|piece| {
            piece.offset.checked_add(piece.size_bytes).is_some_and(|end| end <= memory_bytes)
        })
        .collect()
}

/// Of a line like `7f00-7f10 rw-p 00000000 00:01 1058 /memfd:name (deleted)`.
fn piece(line: &str) -> Option<Piece> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let offset = words.nth(1)?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = (number(start)?, number(end)?);
    Some(Piece { address: start, size_bytes: end.checked_sub(start)?, offset: number(offset)? })
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
