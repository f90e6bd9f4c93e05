//! Writes a checkpoint's files into an empty tree.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::num::NonZeroUsize;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, TryStreamExt as _};
use lru::LruCache;
use mainstay_core::port::Checkpoint;
use tokio::sync::{OnceCell, Semaphore};

use super::error::WorkspaceError;
use super::format::{Entry, PACK_HEAD, Piece};
use super::known::KnownTree;
use super::limits::{CACHED_PACKS, CONCURRENT_BLOBS, CONCURRENT_FILES, READ_BYTES};
use super::load::load;
use super::path::TreePath;
use super::shelf::{Shelf, hash_of};
use super::tree::{FileTarget, NewFile, Parts};

/// Writes all files of a checkpoint, and remembers them. Paths are checked before the first is written,
/// bytes as they are read: after an error the tree is not to be used.
pub async fn restore(
    checkpoint: &Checkpoint,
    shelf: Shelf<'_>,
    into: &dyn FileTarget,
) -> Result<KnownTree, WorkspaceError> {
    let known = load(checkpoint, shelf).await?;
    let mut folders: BTreeMap<usize, Vec<(&TreePath, u32)>> = BTreeMap::new();
    let mut files: Vec<(&TreePath, &Entry)> = Vec::new();
    for (path, known) in &known.entries {
        match known.entry {
            Entry::Folder { mode } => folders.entry(path.depth()).or_default().push((path, mode)),
            Entry::File { .. } | Entry::Link { .. } => files.push((path, &known.entry)),
        }
    }
    for level in folders.values() {
        let made = level.iter().map(|(path, _)| Ok::<_, WorkspaceError>(*path));
        stream::iter(made)
            .try_for_each_concurrent(CONCURRENT_FILES, |path| async move {
                Ok(into.make_folder(path).await?)
            })
            .await?;
    }
    // A pack is read once when the files in it are written one behind the other.
    files.sort_by_key(|(_, entry)| entry.pieces().first().map(|piece| (piece.pack, piece.offset)));
    let packs = Packs::new(&known, shelf);
    stream::iter(files.into_iter().map(Ok))
        .try_for_each_concurrent(CONCURRENT_FILES, |(path, entry)| write(path, entry, &packs, into))
        .await?;
    for level in folders.values().rev() {
        stream::iter(level.iter().copied().map(Ok::<_, WorkspaceError>))
            .try_for_each_concurrent(CONCURRENT_FILES, |(path, mode)| async move {
                Ok(into.set_folder_mode(path, mode).await?)
            })
            .await?;
    }
    drop(packs);
    Ok(known)
}

async fn write(
    path: &TreePath,
    entry: &Entry,
    packs: &Packs<'_>,
    into: &dyn FileTarget,
) -> Result<(), WorkspaceError> {
    let (mode, modified_ns, content) = match entry {
        Entry::File { mode, modified_ns, content } => (*mode, *modified_ns, content),
        Entry::Link { target } => return Ok(into.make_link(path, target).await?),
        Entry::Folder { .. } => return Ok(()),
    };
    let size_bytes = entry.size_bytes();
    let file = NewFile { path: path.clone(), mode, size_bytes, modified_ns };
    let mut parts = FileParts { packs, pieces: content.iter().peekable() };
    into.write(&file, &mut parts).await
}

/// A file's bytes from packs.
struct FileParts<'a> {
    packs: &'a Packs<'a>,
    pieces: Peekable<slice::Iter<'a, Piece>>,
}

#[async_trait]
impl Parts for FileParts<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, WorkspaceError> {
        let mut part = Gathered::default();
        while let Some(piece) = self.pieces.next_if(|piece| part.has_room_for(piece)) {
            part.add(self.packs.bytes(piece).await?);
        }
        Ok(Some(part.bytes()).filter(|bytes| !bytes.is_empty()))
    }
}

/// Pieces that are written at once; a single one is not copied.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    fn has_room_for(&self, piece: &Piece) -> bool {
        let gathered = self.first.len().max(self.all.len());
        gathered == 0 || gathered + piece.length as usize <= READ_BYTES
    }

    fn add(&mut self, bytes: Bytes) {
        if self.first.is_empty() {
            self.first = bytes;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&bytes);
    }

    fn bytes(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

type Cached = Arc<OnceCell<Bytes>>;

/// The packs of a checkpoint, a few of them in memory.
pub(super) struct Packs<'a> {
    known: &'a KnownTree,
    shelf: Shelf<'a>,
    cached: Mutex<LruCache<u32, Cached>>,
    reading: Semaphore,
}

impl<'a> Packs<'a> {
    pub(super) fn new(known: &'a KnownTree, shelf: Shelf<'a>) -> Self {
        let cached = NonZeroUsize::new(CACHED_PACKS).expect("more than none");
        Self {
            known,
            shelf,
            cached: Mutex::new(LruCache::new(cached)),
            reading: Semaphore::new(CONCURRENT_BLOBS),
        }
    }

    pub(super) async fn bytes(&self, piece: &Piece) -> Result<Bytes, WorkspaceError> {
        let hash = self.known.packs[piece.pack as usize];
        let damaged = |what| {
            let pack = hex::encode(hash);
            WorkspaceError::Damaged(format!("its pack {pack} {what}"))
        };
        let cell = {
            let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cached.get_or_insert(piece.pack, Cached::default))
        };
        let read = || async {
            let _permit = self.reading.acquire().await.expect("it is never closed");
            self.shelf.get(hash).await
        };
        let pack = cell.get_or_try_init(read).await?;
        if !pack.starts_with(PACK_HEAD) {
            return Err(damaged("is none"));
        }
        let start = piece.offset as usize;
        let end = start + piece.length as usize;
        if end > pack.len() {
            return Err(damaged("is shorter than its files"));
        }
        let bytes = pack.slice(start..end);
        if hash_of(&bytes) != piece.hash {
            return Err(damaged("holds something else than its files"));
        }
        Ok(bytes)
    }
}
