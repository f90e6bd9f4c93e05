//! The folder of a session, opened so that nothing leads out of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use mainstay_protocol::SessionId;
use rustix::fs::OFlags;

use super::seed::seed_workspace;
use crate::tool::cache::lock;

/// The workspace folder of a session below the folder of all workspaces.
#[must_use]
pub fn workspace_dir(root: &Path, session: &SessionId) -> PathBuf {
    // Ids may be `.` or `..` or start with a dot; `%` is in no id, so that no two ids meet.
    let name = match session.as_str().strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => session.as_str().to_owned(),
    };
    root.join(name)
}

/// Removes a session's workspace with everything in it; one that is not there is no error.
pub fn remove_workspace(root: &Path, session: &SessionId) -> io::Result<()> {
    match std::fs::remove_dir_all(workspace_dir(root, session)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The workspaces of all sessions.
pub(super) struct Workspaces {
    root: PathBuf,
    template: Option<PathBuf>,
    /// Held while a workspace is made: the first calls of a session may come together.
    making: Mutex<()>,
}

impl Workspaces {
    pub(super) fn new(root: PathBuf, template: Option<PathBuf>) -> Self {
        Self { root, template, making: Mutex::new(()) }
    }

    /// Opens a session's workspace, making it when it is not there yet.
    pub(super) fn open(&self, session: &SessionId) -> io::Result<Dir> {
        let folder = workspace_dir(&self.root, session);
        match Dir::open_ambient_dir(&folder, ambient_authority()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let _making = lock(&self.making);
        match &self.template {
            Some(template) => {
                seed_workspace(&self.root, session, template)?;
            }
            None => std::fs::create_dir_all(&folder)?,
        }
        Dir::open_ambient_dir(&folder, ambient_authority())
    }
}

/// Opens a regular file for reading. Devices, pipes and sockets are refused, without waiting for
/// whoever is at their other end.
pub(super) fn open_regular(dir: &Dir, path: &Path) -> io::Result<File> {
    if !dir.metadata(path)?.is_file() {
        return Err(not_a_file());
    }
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    let file = dir.open_with(path, &options)?;
    // Asked again of what was opened: the name may lead elsewhere by now.
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_a_file()) }
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

/// Waits until a folder's entries are on disk.
pub(super) fn sync_dir(dir: &Dir, path: &Path) -> io::Result<()> {
    dir.open(path)?.sync_all()
}
