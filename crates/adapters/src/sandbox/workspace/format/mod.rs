//! The blobs of a checkpoint as bytes: roots, layers and packs, version 1.
//!
//! Invariant: a value has one encoding; whatever else is read is refused, and nothing is reserved for
//! what a length only promises.

mod codec;
mod layer;
mod root;

pub use codec::BadBlob;
pub(super) use layer::{Entry, Layer, Piece};
pub(super) use root::{LayerName, Root};

/// What a pack begins with; the rest of it are pieces, one behind the other.
pub(super) const PACK_HEAD: &[u8; 5] = b"MSWP\x01";

/// The blobs that a blob of a checkpoint names, as they are named in [`mainstay_core::port::Blobs`].
pub fn references(blob: &[u8]) -> Result<Vec<String>, BadBlob> {
    let hashes = match blob.get(..PACK_HEAD.len()) {
        Some(head) if head == root::ROOT_HEAD => {
            Root::decode(blob)?.layers.iter().map(|layer| layer.hash).collect()
        }
        Some(head) if head == layer::LAYER_HEAD => Layer::decode(blob)?.packs,
        Some(head) if head == PACK_HEAD => Vec::new(),
        _ => return Err(BadBlob("it is no blob of a checkpoint of version 1".to_owned())),
    };
    Ok(hashes.iter().map(hex::encode).collect())
}
