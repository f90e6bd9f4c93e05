//! Gathers pieces that are not kept yet into packs.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, TryStreamExt as _};

use super::error::WorkspaceError;
use super::format::{PACK_HEAD, Piece};
use super::known::KnownTree;
use super::limits::{CONCURRENT_BLOBS, PACK_BYTES};
use super::shelf::{BlobHash, Shelf, hash_of};

/// A pack on its way.
type Putting<'a> = BoxFuture<'a, Result<(), WorkspaceError>>;

/// Packs as they are filled and put.
pub(super) struct Packer<'a, 'k> {
    shelf: Shelf<'a>,
    known: &'k KnownTree,
    fresh: HashMap<BlobHash, Piece>,
    open: BytesMut,
    packs: Vec<BlobHash>,
    puts: FuturesUnordered<Putting<'a>>,
    written_bytes: u64,
}

/// What was put.
pub(super) struct Packed {
    /// New packs, behind those that are known.
    pub(super) packs: Vec<BlobHash>,
    pub(super) written_bytes: u64,
}

impl<'a, 'k> Packer<'a, 'k> {
    pub(super) fn new(shelf: Shelf<'a>, known: &'k KnownTree) -> Self {
        Self {
            shelf,
            known,
            fresh: HashMap::new(),
            open: BytesMut::from(&PACK_HEAD[..]),
            packs: Vec::new(),
            puts: FuturesUnordered::new(),
            written_bytes: 0,
        }
    }

    /// Where these bytes are from now on.
    pub(super) async fn add(&mut self, bytes: &Bytes) -> Result<Piece, WorkspaceError> {
        let hash = hash_of(bytes);
        if let Some(piece) = self.known.piece(&hash).or_else(|| self.fresh.get(&hash).copied()) {
            return Ok(piece);
        }
        if self.open.len() + bytes.len() > PACK_BYTES {
            self.close().await?;
        }
        let small = |number: usize| u32::try_from(number).expect("packs are small and few");
        let piece = Piece {
            hash,
            length: small(bytes.len()),
            pack: small(self.known.packs.len() + self.packs.len()),
            offset: small(self.open.len()),
        };
        self.open.extend_from_slice(bytes);
        self.fresh.insert(hash, piece);
        Ok(piece)
    }

    async fn close(&mut self) -> Result<(), WorkspaceError> {
        if self.open.len() == PACK_HEAD.len() {
            return Ok(());
        }
        let pack = std::mem::replace(&mut self.open, BytesMut::from(&PACK_HEAD[..])).freeze();
        let (hash, shelf) = (hash_of(&pack), self.shelf);
        self.packs.push(hash);
        self.written_bytes += pack.len() as u64;
        self.puts.push(async move { shelf.put(hash, pack).await }.boxed());
        // Started now, finished beside what is read next.
        while let Some(done) = self.puts.next().now_or_never() {
            match done {
                Some(result) => result?,
                None => break,
            }
        }
        if self.puts.len() >= CONCURRENT_BLOBS {
            self.puts.try_next().await?;
        }
        Ok(())
    }

    /// Puts what is left. The packs are kept once the second value is done.
    pub(super) async fn finish(mut self) -> Result<(Packed, Putting<'a>), WorkspaceError> {
        self.close().await?;
        let Self { packs, written_bytes, puts, .. } = self;
        Ok((Packed { packs, written_bytes }, puts.try_collect::<()>().boxed()))
    }
}
