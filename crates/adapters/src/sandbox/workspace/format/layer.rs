//! A layer: the paths that a save changed, in order, and the packs that hold their bytes.

use super::codec::{BadBlob, Reader, bad, put_bytes, put_number};
use crate::sandbox::workspace::limits::{MAX_LAYER_BYTES, MAX_LINK_BYTES, PACK_BYTES};
use crate::sandbox::workspace::path::TreePath;
use crate::sandbox::workspace::shelf::BlobHash;

/// What a layer begins with.
pub(super) const LAYER_HEAD: &[u8; 5] = b"MSWL\x01";
/// The permission bits that are kept.
const MODE_BITS: u64 = 0o777;

const REMOVED: u8 = 0;
const FILE: u8 = 1;
const FOLDER: u8 = 2;
const LINK: u8 = 3;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox::workspace) enum Entry {
    /// A file.
    File { mode: u32, modified_ns: u64, content: Content },
    /// A folder.
    Folder { mode: u32 },
    /// A symbolic link.
    Link { target: Box<[u8]> },
}

/// The pieces of a file, in order.
pub(in crate::sandbox::workspace) type Content = Box<[Piece]>;

/// Bytes of a file, and where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox::workspace) struct Piece {
    /// Their SHA-256.
    pub(in crate::sandbox::workspace) hash: BlobHash,
    /// How many there are; at least one.
    pub(in crate::sandbox::workspace) length: u32,
    /// Which pack: an index into a list of them.
    pub(in crate::sandbox::workspace) pack: u32,
    /// Where they begin in the pack, its head counted.
    pub(in crate::sandbox::workspace) offset: u32,
}

impl Entry {
    /// The size of a file; 0 of anything else.
    pub(in crate::sandbox::workspace) fn size_bytes(&self) -> u64 {
        self.pieces().iter().map(|piece| u64::from(piece.length)).sum()
    }

    /// The pieces of a file; none of anything else.
    pub(in crate::sandbox::workspace) fn pieces(&self) -> &[Piece] {
        match self {
            Self::File { content, .. } => content,
            Self::Folder { .. } | Self::Link { .. } => &[],
        }
    }
}

/// A layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sandbox::workspace) struct Layer {
    /// The packs that its pieces are in.
    pub(in crate::sandbox::workspace) packs: Vec<BlobHash>,
    /// In the order of the paths' bytes; none where something was removed.
    pub(in crate::sandbox::workspace) entries: Vec<(TreePath, Option<Entry>)>,
}

impl Layer {
    pub(in crate::sandbox::workspace) fn encode(&self) -> Vec<u8> {
        let mut out = LAYER_HEAD.to_vec();
        put_number(&mut out, self.packs.len() as u64);
        for pack in &self.packs {
            out.extend_from_slice(pack);
        }
        put_number(&mut out, self.entries.len() as u64);
        let mut before: &[u8] = &[];
        for (path, entry) in &self.entries {
            let path = path.as_bytes();
            let shared = before.iter().zip(path).take_while(|(one, other)| one == other).count();
            put_number(&mut out, shared as u64);
            put_bytes(&mut out, &path[shared..]);
            put_entry(&mut out, entry.as_ref());
            before = path;
        }
        out
    }

    pub(in crate::sandbox::workspace) fn decode(blob: &[u8]) -> Result<Self, BadBlob> {
        const LEAST_ENTRY_BYTES: usize = 3;
        if blob.len() > MAX_LAYER_BYTES {
            return Err(bad(format!("a layer is longer than {MAX_LAYER_BYTES} bytes")));
        }
        let mut reader = Reader::behind(blob, LAYER_HEAD)?;
        let mut layer = Self::default();
        for _ in 0..reader.count(32)? {
            layer.packs.push(reader.hash()?);
        }
        let count = reader.count(LEAST_ENTRY_BYTES)?;
        let mut before: Vec<u8> = Vec::new();
        for index in 0..count {
            let shared = reader.size()?;
            let rest = reader.bytes()?;
            let start = before.get(..shared).ok_or_else(|| bad("a path shares too much"))?;
            let path = TreePath::parse(&[start, rest].concat()).map_err(|e| bad(e.to_string()))?;
            if index > 0 && path.as_bytes() <= before.as_slice() {
                return Err(bad(format!("the path {path} is not in its place")));
            }
            // One encoding: all that can be shared is.
            if rest.first().is_some_and(|first| before.get(shared) == Some(first)) {
                return Err(bad(format!("the path {path} shares too little")));
            }
            before = path.as_bytes().to_vec();
            layer.entries.push((path, take_entry(&mut reader, layer.packs.len())?));
        }
        reader.end()?;
        Ok(layer)
    }
}

fn put_entry(out: &mut Vec<u8>, entry: Option<&Entry>) {
    match entry {
        None => out.push(REMOVED),
        Some(Entry::File { mode, modified_ns, content }) => {
            out.push(FILE);
            put_number(out, u64::from(*mode));
            put_number(out, *modified_ns);
            put_number(out, content.len() as u64);
            for piece in content {
                out.extend_from_slice(&piece.hash);
                put_number(out, u64::from(piece.length));
                put_number(out, u64::from(piece.pack));
                put_number(out, u64::from(piece.offset));
            }
        }
        Some(Entry::Folder { mode }) => {
            out.push(FOLDER);
            put_number(out, u64::from(*mode));
        }
        Some(Entry::Link { target }) => {
            out.push(LINK);
            put_bytes(out, target);
        }
    }
}

fn take_entry(reader: &mut Reader<'_>, packs: usize) -> Result<Option<Entry>, BadBlob> {
    const LEAST_PIECE_BYTES: usize = 35;
    Ok(Some(match reader.byte()? {
        REMOVED => return Ok(None),
        FILE => {
            let mode = take_mode(reader)?;
            let modified_ns = reader.number()?;
            let count = reader.count(LEAST_PIECE_BYTES)?;
            let pieces = (0..count).map(|_| take_piece(reader, packs));
            Entry::File { mode, modified_ns, content: pieces.collect::<Result<_, _>>()? }
        }
        FOLDER => Entry::Folder { mode: take_mode(reader)? },
        LINK => {
            let target = reader.bytes()?;
            if target.is_empty() || target.len() > MAX_LINK_BYTES || target.contains(&0) {
                return Err(bad("a link's target is empty, too long, or holds a NUL"));
            }
            Entry::Link { target: target.into() }
        }
        kind => return Err(bad(format!("an entry's kind is {kind}"))),
    }))
}

fn take_mode(reader: &mut Reader<'_>) -> Result<u32, BadBlob> {
    let mode = reader.number()?;
    match u32::try_from(mode) {
        Ok(bits) if mode <= MODE_BITS => Ok(bits),
        _ => Err(bad(format!("a mode is {mode:#o}"))),
    }
}

fn take_piece(reader: &mut Reader<'_>, packs: usize) -> Result<Piece, BadBlob> {
    let hash = reader.hash()?;
    let (length, pack, offset) = (reader.size()?, reader.size()?, reader.size()?);
    let is_within = length > 0
        && length <= PACK_BYTES
        && offset >= super::PACK_HEAD.len()
        && offset <= 2 * PACK_BYTES
        && pack < packs;
    let small = |number: usize| u32::try_from(number).map_err(|_| bad("a piece is too large"));
    if !is_within {
        return Err(bad("a piece is not within a pack"));
    }
    Ok(Piece { hash, length: small(length)?, pack: small(pack)?, offset: small(offset)? })
}
