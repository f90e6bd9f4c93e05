//! The blobs of a checkpoint as bytes: roots, layers and packs, version 1.
//!
//! Invariant: a value has one encoding; whatever else is read is refused, and nothing is reserved for
//! what a length only promises.

mod blob;
mod codec;
mod layer;
mod root;

pub(super) use blob::PACK_HEAD;
pub use blob::references;
pub use codec::BadBlob;
pub(super) use layer::{Entry, Layer, Piece};
pub(super) use root::{LayerName, Root};
