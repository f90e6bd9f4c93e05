//! The root of a checkpoint: its layers, and what they come to.

use super::codec::{BadBlob, Reader, bad, put_number};
use crate::sandbox::workspace::limits::MAX_LAYERS;
use crate::sandbox::workspace::shelf::BlobHash;

/// What a root begins with.
pub(super) const ROOT_HEAD: &[u8; 5] = b"MSWR\x01";

/// The root of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox::workspace) struct Root {
    /// Files and links.
    pub(in crate::sandbox::workspace) file_count: u64,
    /// Files, folders and links.
    pub(in crate::sandbox::workspace) entry_count: u64,
    /// The size of all files.
    pub(in crate::sandbox::workspace) size_bytes: u64,
    /// Oldest first; what a later one says holds.
    pub(in crate::sandbox::workspace) layers: Vec<LayerName>,
}

/// A layer as its root names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox::workspace) struct LayerName {
    /// Its blob.
    pub(in crate::sandbox::workspace) hash: BlobHash,
    /// How many paths it has, removed ones too.
    pub(in crate::sandbox::workspace) count: u64,
}

impl Root {
    pub(in crate::sandbox::workspace) fn encode(&self) -> Vec<u8> {
        let mut out = ROOT_HEAD.to_vec();
        put_number(&mut out, self.file_count);
        put_number(&mut out, self.entry_count);
        put_number(&mut out, self.size_bytes);
        put_number(&mut out, self.layers.len() as u64);
        for layer in &self.layers {
            out.extend_from_slice(&layer.hash);
            put_number(&mut out, layer.count);
        }
        out
    }

    pub(in crate::sandbox::workspace) fn decode(blob: &[u8]) -> Result<Self, BadBlob> {
        const LEAST_LAYER_BYTES: usize = 33;
        let mut reader = Reader::behind(blob, ROOT_HEAD)?;
        let (file_count, entry_count) = (reader.number()?, reader.number()?);
        let size_bytes = reader.number()?;
        let count = reader.count(LEAST_LAYER_BYTES)?;
        if count > MAX_LAYERS {
            return Err(bad(format!("it has {count} layers, more than {MAX_LAYERS}")));
        }
        let mut layers = Vec::with_capacity(count);
        for _ in 0..count {
            layers.push(LayerName { hash: reader.hash()?, count: reader.number()? });
        }
        reader.end()?;
        Ok(Self { file_count, entry_count, size_bytes, layers })
    }
}
