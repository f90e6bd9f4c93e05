//! Cuts a file into pieces where its content says, so that a change in the middle of a large file
//! leaves the other pieces as they are.

use bytes::{Bytes, BytesMut};
use fastcdc::v2020::FastCDC;

use super::error::WorkspaceError;
use super::limits::{MAX_FILE_BYTES, READ_BYTES};
use super::path::TreePath;
use super::plan::too_large;
use super::tree::FileSource;

/// Up to this size a file is one piece.
const WHOLE_BYTES: u64 = 32 << 10;
/// The usual size of a piece, by the size up to which a file gets it: what a piece costs in a layer and
/// what a small change costs in bytes then grow alike.
const USUAL_BYTES: [(u64, usize); 3] =
    [(8 << 20, 16 << 10), (256 << 20, 64 << 10), (u64::MAX, 256 << 10)];
/// The least and the most of a piece, as parts and multiples of the usual size.
const SPREAD: usize = 4;

/// A file that is being read piece by piece.
pub(super) struct Pieces<'a> {
    source: &'a dyn FileSource,
    path: &'a TreePath,
    usual_bytes: usize,
    window: BytesMut,
    /// How much of the file was read.
    read_bytes: u64,
    is_at_end: bool,
}

impl<'a> Pieces<'a> {
    /// The pieces of a file whose first [`READ_BYTES`] were read.
    pub(super) fn new(
        source: &'a dyn FileSource,
        path: &'a TreePath,
        size_bytes: u64,
        first: &Bytes,
    ) -> Self {
        let fitting = USUAL_BYTES.iter().find(|(up_to, _)| size_bytes <= *up_to);
        Self {
            source,
            path,
            usual_bytes: fitting.map_or(USUAL_BYTES[0].1, |(_, usual)| *usual),
            window: BytesMut::from(&first[..]),
            read_bytes: first.len() as u64,
            is_at_end: first.len() < READ_BYTES,
        }
    }

    /// The next piece; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, WorkspaceError> {
        let most = self.usual_bytes * SPREAD;
        while self.window.len() < most && !self.is_at_end {
            self.fill().await?;
        }
        if self.window.is_empty() {
            return Ok(None);
        }
        if self.is_at_end && self.read_bytes <= WHOLE_BYTES {
            return Ok(Some(self.window.split().freeze()));
        }
        let least = self.usual_bytes / SPREAD;
        let cutter = FastCDC::new(&self.window, least, self.usual_bytes, most);
        let (_, cut) = cutter.cut(0, self.window.len());
        Ok(Some(self.window.split_to(cut).freeze()))
    }

    async fn fill(&mut self) -> Result<(), WorkspaceError> {
        let more = self.source.read(self.path, self.read_bytes, READ_BYTES).await?;
        let more = more.unwrap_or_default();
        self.is_at_end = more.len() < READ_BYTES;
        self.read_bytes += more.len() as u64;
        if self.read_bytes > MAX_FILE_BYTES {
            return Err(too_large(self.path));
        }
        self.window.extend_from_slice(&more);
        Ok(())
    }
}
