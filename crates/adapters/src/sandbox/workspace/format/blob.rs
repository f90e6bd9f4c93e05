//! What a blob of a checkpoint is, and what it names.

use super::codec::{BadBlob, bad};
use super::layer::{LAYER_HEAD, Layer};
use super::root::{ROOT_HEAD, Root};

/// What a pack begins with; the rest of it are pieces, one behind the other.
pub(in crate::sandbox::workspace) const PACK_HEAD: &[u8; 5] = b"MSWP\x01";

/// The blobs that a blob of a checkpoint names, as they are named in [`mainstay_core::port::Blobs`].
pub fn references(blob: &[u8]) -> Result<Vec<String>, BadBlob> {
    let hashes = match blob.get(..PACK_HEAD.len()) {
        Some(head) if head == ROOT_HEAD => {
            Root::decode(blob)?.layers.iter().map(|layer| layer.hash).collect()
        }
        Some(head) if head == LAYER_HEAD => Layer::decode(blob)?.packs,
        Some(head) if head == PACK_HEAD => Vec::new(),
        _ => return Err(bad("it is no blob of a checkpoint of version 1")),
    };
    Ok(hashes.iter().map(hex::encode).collect())
}
