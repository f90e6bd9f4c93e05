//! An image's tree while it is written.
//!
//! Invariant: a path is resolved as it would be inside of the image: links are followed with the tree as
//! their root, and nothing outside of it is reached, whatever the tree holds. Deliberately absent:
//! owners, devices, setuid bits, times, extended attributes.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};

use super::error::{Attempt, ImageError};
use super::limits::{MAX_ENTRY_COUNT, MAX_LINK_COUNT, MAX_PATH_BYTES, MAX_TREE_BYTES};

const STICKY: u32 = 0o1000;
const FOLDER_MODE: u32 = 0o755;
/// Where the drivers and the agent mount things.
const MOUNT_POINTS: [&str; 6] = ["dev", "proc", "sys", "run", "tmp", "workspace"];
const PASSWD: &str = "etc/passwd";
const AGENT_LINE: &str = "agent:x:1000:1000::/workspace:/bin/sh\n";
const AGENT_UID_FIELD: &str = ":1000:";

pub(super) struct Tree {
    root: Dir,
    entry_count: u64,
    size_bytes: u64,
}

impl Tree {
    /// A tree in this empty folder.
    pub(super) fn create(path: &Path) -> Result<Self, ImageError> {
        let root = Dir::open_ambient_dir(path, ambient_authority())
            .attempt(|| format!("opening {}", path.display()))?;
        Ok(Self { root, entry_count: 0, size_bytes: 0 })
    }

    /// A folder, and those above it.
    pub(super) fn folder(&mut self, path: &Path, mode: u32) -> Result<(), ImageError> {
        self.count(0)?;
        let place = self.place(path)?;
        if place.as_os_str().is_empty() {
            return Ok(());
        }
        if !self.is_folder(&place) {
            self.clear(&place)?;
            self.root.create_dir(&place).attempt(|| creating(path))?;
        }
        self.set_mode(&place, folder_mode(mode)).attempt(|| creating(path))
    }

    /// A file with what `content` gives, of this size.
    pub(super) fn file(
        &mut self,
        path: &Path,
        mode: u32,
        size_bytes: u64,
        content: &mut dyn Read,
    ) -> Result<(), ImageError> {
        self.count(size_bytes)?;
        let place = self.place(path)?;
        self.clear(&place)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = self.root.open_with(&place, &options).attempt(|| creating(path))?;
        let written = io::copy(&mut content.take(size_bytes), &mut file)
            .attempt(|| format!("writing {}", path.display()))?;
        if written != size_bytes {
            return Err(ImageError::invalid(format!("{} is cut short", path.display())));
        }
        let permissions = Permissions::from_mode(file_mode(mode));
        file.set_permissions(permissions).attempt(|| creating(path))
    }

    /// A symbolic link; what it names is found only inside of a machine.
    pub(super) fn link(&mut self, path: &Path, target: &Path) -> Result<(), ImageError> {
        self.count(0)?;
        if target.as_os_str().len() > MAX_PATH_BYTES {
            return Err(ImageError::invalid(format!("the link {} is too long", path.display())));
        }
        let place = self.place(path)?;
        self.clear(&place)?;
        self.root.symlink_contents(target, &place).attempt(|| creating(path))
    }

    /// Another name of a file.
    pub(super) fn hard_link(&mut self, path: &Path, target: &Path) -> Result<(), ImageError> {
        self.count(0)?;
        let (place, from) = (self.place(path)?, self.place(target)?);
        if place == from {
            return Ok(());
        }
        let is_file = self.root.symlink_metadata(&from).is_ok_and(|found| found.is_file());
        if !is_file {
            return Err(ImageError::invalid(format!(
                "{} is another name of {}, which is no file",
                path.display(),
                target.display()
            )));
        }
        self.clear(&place)?;
        self.root.hard_link(&from, &self.root, &place).attempt(|| creating(path))
    }

    /// Removes what is there, if anything is.
    pub(super) fn remove(&mut self, path: &Path) -> Result<(), ImageError> {
        let place = self.place(path)?;
        if place.as_os_str().is_empty() {
            return Err(ImageError::invalid("an image removes its own root"));
        }
        self.clear(&place)
    }

    /// The names in a folder; none when it is none.
    pub(super) fn names(&self, path: &Path) -> Result<Vec<OsString>, ImageError> {
        let place = self.place(path)?;
        let place = if place.as_os_str().is_empty() { PathBuf::from(".") } else { place };
        if !self.is_folder(&place) {
            return Ok(Vec::new());
        }
        let entries =
            self.root.read_dir(&place).attempt(|| format!("listing {}", path.display()))?;
        entries
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<_>>()
            .attempt(|| format!("listing {}", path.display()))
    }

    /// Adds what every machine needs.
    pub(super) fn complete(&mut self) -> Result<(), ImageError> {
        for folder in MOUNT_POINTS {
            let mode = if folder == "tmp" { 0o1777 } else { FOLDER_MODE };
            self.folder(Path::new(folder), mode)?;
        }
        self.folder(Path::new("etc"), FOLDER_MODE)?;
        let users = self.root.read_to_string(PASSWD).unwrap_or_default();
        if !users.lines().any(|line| line.contains(AGENT_UID_FIELD)) {
            let users = format!("{users}{AGENT_LINE}");
            self.file(Path::new(PASSWD), 0o644, users.len() as u64, &mut users.as_bytes())?;
        }
        Ok(())
    }

    /// The path below the root that has no link on its way; its last part may be one. Folders that are
    /// missing on the way are made.
    fn place(&self, path: &Path) -> Result<PathBuf, ImageError> {
        let wrong = |what: &str| ImageError::invalid(format!("{}: {what}", path.display()));
        if path.as_os_str().len() > MAX_PATH_BYTES {
            return Err(ImageError::invalid("a path in the image is too long"));
        }
        if path.components().any(|part| matches!(part, Component::ParentDir)) {
            return Err(wrong("a path of an image has no `..`"));
        }
        let mut rest: VecDeque<OsString> = normal(path).collect();
        let mut place = PathBuf::new();
        let mut link_count = 0;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                place.pop();
                continue;
            }
            let next = place.join(&part);
            let found = self.root.symlink_metadata(&next);
            let is_last = rest.is_empty();
            match found {
                Ok(found) if found.is_symlink() && !is_last => {
                    link_count += 1;
                    if link_count > MAX_LINK_COUNT {
                        return Err(wrong("too many links on the way"));
                    }
                    let target = self.root.read_link_contents(&next).attempt(|| creating(path))?;
                    if target.has_root() {
                        place = PathBuf::new();
                    }
                    for part in with_parents(&target).rev() {
                        rest.push_front(part);
                    }
                }
                Ok(found) if !found.is_dir() && !is_last => {
                    return Err(wrong("it lies below a file"));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_last => {
                    self.root.create_dir(&next).attempt(|| creating(path))?;
                    self.set_mode(&next, FOLDER_MODE).attempt(|| creating(path))?;
                    place = next;
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).attempt(|| creating(path));
                }
                _ => place = next,
            }
        }
        Ok(place)
    }

    fn is_folder(&self, place: &Path) -> bool {
        self.root.symlink_metadata(place).is_ok_and(|found| found.is_dir())
    }

    /// Makes room for something else.
    fn clear(&self, place: &Path) -> Result<(), ImageError> {
        let removed = match self.root.symlink_metadata(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(found) if found.is_dir() => self.root.remove_dir_all(place),
            Ok(_) => self.root.remove_file(place),
        };
        removed.attempt(|| format!("replacing {}", place.display()))
    }

    fn set_mode(&self, place: &Path, mode: u32) -> io::Result<()> {
        self.root.set_permissions(place, Permissions::from_mode(mode))
    }

    fn count(&mut self, size_bytes: u64) -> Result<(), ImageError> {
        self.entry_count += 1;
        self.size_bytes = self.size_bytes.saturating_add(size_bytes);
        if self.entry_count > MAX_ENTRY_COUNT {
            return Err(ImageError::invalid(format!("it has more than {MAX_ENTRY_COUNT} files")));
        }
        if self.size_bytes > MAX_TREE_BYTES {
            return Err(ImageError::invalid(format!("it has more than {MAX_TREE_BYTES} bytes")));
        }
        Ok(())
    }
}

/// Everybody may read it and nobody but its owner write it; nobody becomes somebody else by it.
fn file_mode(mode: u32) -> u32 {
    let program = if mode & 0o111 == 0 { 0 } else { 0o111 };
    (mode & 0o755) | 0o644 | program
}

/// A folder in which everybody may write keeps its files apart.
fn folder_mode(mode: u32) -> u32 {
    if mode & 0o002 != 0 { 0o777 | STICKY } else { FOLDER_MODE }
}

fn normal(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_owned()),
        _ => None,
    })
}

fn with_parents(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    parts.collect::<Vec<_>>().into_iter()
}

fn creating(path: &Path) -> String {
    format!("creating {} of the image", path.display())
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
