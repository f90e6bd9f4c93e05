//! What a workspace may hold, and how it is cut into blobs.

/// The most files, folders and links of a workspace.
pub const MAX_ENTRIES: usize = 250_000;
/// The most that all files of a workspace hold together.
pub const MAX_WORKSPACE_BYTES: u64 = 16 << 30;
/// The most that one file holds; holes count.
pub const MAX_FILE_BYTES: u64 = 8 << 30;
/// The longest path, from the workspace on.
pub const MAX_PATH_BYTES: usize = 4_096;
/// The longest name of a file.
pub const MAX_NAME_BYTES: usize = 255;
/// How deep folders lie in each other.
pub const MAX_DEPTH: usize = 128;
/// The longest target of a link.
pub const MAX_LINK_BYTES: usize = 4_095;

/// The most that all paths and targets of links have together: a host keeps them in memory.
pub const MAX_NAMES_BYTES: u64 = 64 << 20;

/// A pack is closed when it has this much.
pub(super) const PACK_BYTES: usize = 4 << 20;
/// The most that is asked of a machine at once.
pub(super) const READ_BYTES: usize = 1 << 20;
/// How many files are read, written, or blobs moved, at once.
pub(super) const CONCURRENT_FILES: usize = 16;
/// How many packs are written or read at once.
pub(super) const CONCURRENT_BLOBS: usize = 4;
/// How many packs are kept in memory while files are written.
pub(super) const CACHED_PACKS: usize = 8;

/// As many layers of one size are merged into one.
pub(super) const LAYER_FAN: usize = 16;
/// The most layers of a checkpoint. Sizes are powers of the fan, so that there are fewer.
pub(super) const MAX_LAYERS: usize = 128;
/// Below as many changed paths the lowest layer is not written again.
pub(super) const MIN_REWRITE_ENTRIES: usize = 512;
/// The longest blob that is decoded: the paths of the largest workspace and all of its pieces.
pub(super) const MAX_LAYER_BYTES: usize = 256 << 20;
/// Two changes of a file within this time may leave the same time of change.
pub(super) const CLOCK_TICK_NS: u64 = 20_000_000;
