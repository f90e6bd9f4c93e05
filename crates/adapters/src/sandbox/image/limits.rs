//! How much an image may have.

/// Entries of an image's tree.
pub(super) const MAX_ENTRY_COUNT: u64 = 1_000_000;
/// Bytes of an image's tree.
pub(super) const MAX_TREE_BYTES: u64 = 16 << 30;
/// Layers of an archive.
pub(super) const MAX_LAYER_COUNT: usize = 200;
/// Entries of the archive that holds layers.
pub(super) const MAX_ARCHIVE_ENTRY_COUNT: usize = 10_000;
/// An archive's manifests, each.
pub(super) const MAX_JSON_BYTES: u64 = 8 << 20;
/// A path in an image.
pub(super) const MAX_PATH_BYTES: usize = 4096;
/// Links that are followed on the way to one file.
pub(super) const MAX_LINK_COUNT: usize = 40;
/// The name of an image.
pub(super) const MAX_NAME_BYTES: usize = 64;
