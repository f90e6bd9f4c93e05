//! What is known of a file.

use mainstay_guest::{FileKind, FileStat};
use rustix::fs::{FileType, Stat};

pub(crate) fn stat_of(stat: &Stat) -> FileStat {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Folder,
        FileType::Symlink => FileKind::Link,
        _ => FileKind::Other,
    };
    let seconds = u64::try_from(stat.st_mtime).unwrap_or_default();
    FileStat {
        kind,
        size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
        modified_ns: seconds.saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec),
        mode: stat.st_mode & 0o7777,
    }
}
