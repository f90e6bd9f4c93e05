//! A folder of this host as a workspace.
//!
//! Invariant: nothing outside of the folder is read or written, whatever links are in it; links are read
//! and made as text. Files with several names become several files. Everything blocks, on threads for
//! blocking work. Deliberately absent: owners; files belong to whoever runs this.

use std::ffi::OsStr;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirEntry, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use mainstay_core::port::FileKind;
use rustix::fs::OFlags;

use super::limits::MAX_ENTRIES;
use super::path::TreePath;
use super::tree::{FileSource, FileTarget, Found, NewFile, Part, Scan, TreeFault};

/// What a folder is made with until its own mode is set: files are put into it.
const WRITABLE_MODE: u32 = 0o700;

/// A folder of this host.
#[derive(Debug, Clone)]
pub struct FolderTree {
    dir: Arc<Dir>,
}

impl FolderTree {
    /// Opens a folder.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(folder, ambient_authority())?;
        Ok(Self { dir: Arc::new(dir) })
    }

    /// All that is there.
    pub async fn scan(&self) -> Result<Scan, TreeFault> {
        self.run("read the folder", "", |dir| {
            let mut changed = Vec::new();
            let mut folders = vec![(dir.try_clone()?, Vec::new())];
            while let Some((folder, path)) = folders.pop() {
                for entry in folder.entries()? {
                    let entry = entry?;
                    let found = look_at(&folder, &entry, &path)?;
                    if found.kind == FileKind::Folder {
                        let below = entry.open_dir()?;
                        folders.push((below, found.path.as_bytes().to_vec()));
                    }
                    changed.push(found);
                    if changed.len() > MAX_ENTRIES {
                        return Err(io::Error::other(format!("more than {MAX_ENTRIES} files")));
                    }
                }
            }
            Ok(Scan { is_full: true, changed, removed: Vec::new() })
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        attempted: &'static str,
        path: impl ToString,
        work: impl FnOnce(&Dir) -> io::Result<T> + Send + 'static,
    ) -> Result<T, TreeFault> {
        let dir = Arc::clone(&self.dir);
        let path = path.to_string();
        let fault = |reason: String| TreeFault { attempted, path, reason };
        match tokio::task::spawn_blocking(move || work(&dir)).await {
            Ok(result) => result.map_err(|error| fault(error.to_string())),
            Err(error) => Err(fault(error.to_string())),
        }
    }
}

fn os(path: &TreePath) -> &Path {
    Path::new(OsStr::from_bytes(path.as_bytes()))
}

fn look_at(folder: &Dir, entry: &DirEntry, above: &[u8]) -> io::Result<Found> {
    let name = entry.file_name();
    let slash: &[u8] = if above.is_empty() { b"" } else { b"/" };
    let path = [above, slash, name.as_bytes()].concat();
    let path = TreePath::parse(&path).map_err(io::Error::other)?;
    let metadata = entry.metadata()?;
    let kind = kind_of(&metadata);
    let target = match kind {
        FileKind::Link => {
            let target = folder.read_link_contents(&name)?;
            Some(target.into_os_string().into_vec().into())
        }
        FileKind::File | FileKind::Folder | FileKind::Other => None,
    };
    let ns = |seconds: i64, nanoseconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or_default();
        seconds.saturating_mul(1_000_000_000).saturating_add_signed(nanoseconds)
    };
    Ok(Found {
        path,
        kind,
        mode: metadata.mode(),
        size_bytes: metadata.len(),
        modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        target,
    })
}

fn kind_of(metadata: &Metadata) -> FileKind {
    if metadata.is_file() {
        FileKind::File
    } else if metadata.is_dir() {
        FileKind::Folder
    } else if metadata.is_symlink() {
        FileKind::Link
    } else {
        FileKind::Other
    }
}

#[async_trait]
impl FileSource for FolderTree {
    async fn read(
        &self,
        path: &TreePath,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, TreeFault> {
        let name = path.clone();
        self.run("read", path, move |dir| {
            let mut options = OpenOptions::new();
            // A pipe that took the file's place must not be waited for.
            options.read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK));
            let mut file = match dir.open_with(os(&name), &options) {
                Ok(file) => file,
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            if !file.metadata()?.is_file() {
                return Ok(None);
            }
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(limit_bytes as u64).read_to_end(&mut bytes)?;
            Ok(Some(bytes.into()))
        })
        .await
    }
}

fn flags(flags: OFlags) -> i32 {
    i32::try_from(flags.bits()).expect("flags of open are a C int")
}

fn is_gone(error: &io::Error) -> bool {
    let link = rustix::io::Errno::LOOP.raw_os_error();
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(link)
}

#[async_trait]
impl FileTarget for FolderTree {
    async fn make_folder(&self, path: &TreePath) -> Result<(), TreeFault> {
        let name = path.clone();
        self.run("make the folder", path, move |dir| {
            dir.create_dir(os(&name))?;
            set_mode(dir, &name, WRITABLE_MODE)
        })
        .await
    }

    async fn write(&self, file: &NewFile, part: Part) -> Result<(), TreeFault> {
        let new = file.clone();
        self.run("write", &file.path, move |dir| {
            let mut options = OpenOptions::new();
            options.write(true).custom_flags(flags(OFlags::NOFOLLOW));
            if part.offset == 0 {
                options.create_new(true);
            }
            let mut out = dir.open_with(os(&new.path), &options)?.into_std();
            // Zeros become a hole.
            if part.bytes.iter().any(|byte| *byte != 0) {
                out.write_all_at(&part.bytes, part.offset)?;
            }
            if part.is_last {
                out.flush()?;
                out.set_len(new.size_bytes)?;
                out.set_permissions(std::fs::Permissions::from_mode(new.mode))?;
                out.set_modified(UNIX_EPOCH + Duration::from_nanos(new.modified_ns))?;
            }
            Ok(())
        })
        .await
    }

    async fn make_link(&self, path: &TreePath, target: &[u8]) -> Result<(), TreeFault> {
        let (name, target) = (path.clone(), target.to_vec());
        self.run("make the link", path, move |dir| {
            dir.symlink_contents(OsStr::from_bytes(&target), os(&name))
        })
        .await
    }

    async fn set_folder_mode(&self, path: &TreePath, mode: u32) -> Result<(), TreeFault> {
        let name = path.clone();
        self.run("set the mode of", path, move |dir| set_mode(dir, &name, mode)).await
    }
}

fn set_mode(dir: &Dir, path: &TreePath, mode: u32) -> io::Result<()> {
    let mode = std::fs::Permissions::from_mode(mode);
    dir.set_permissions(os(path), cap_std::fs::Permissions::from_std(mode))
}
