//! What a blob of a checkpoint is, and what it names.

use mainstay_core::port::NamedBlobs;

use super::codec::{BadBlob, bad};
use super::layer::{LAYER_HEAD, Layer};
use super::root::{ROOT_HEAD, Root};

/// What a pack begins with; the rest of it are pieces, one behind the other.
pub(in crate::sandbox::workspace) const PACK_HEAD: &[u8; 5] = b"MSWP\x01";

/// The blobs that a blob of a checkpoint names, as they are named in [`mainstay_core::port::Blobs`].
pub fn references(blob: &[u8]) -> Result<NamedBlobs, BadBlob> {
    match blob.get(..PACK_HEAD.len()) {
        Some(head) if head == ROOT_HEAD => {
            let layers = Root::decode(blob)?.layers;
            let inner = layers.iter().map(|layer| hex::encode(layer.hash)).collect();
            Ok(NamedBlobs { inner, leaves: Vec::new() })
        }
        Some(head) if head == LAYER_HEAD => {
            let leaves = Layer::decode(blob)?.packs.iter().map(hex::encode).collect();
            Ok(NamedBlobs { inner: Vec::new(), leaves })
        }
        Some(head) if head == PACK_HEAD => Ok(NamedBlobs::default()),
        _ => Err(bad("it is no blob of a checkpoint of version 1")),
    }
}
