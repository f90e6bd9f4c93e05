//! A machine's workspace, as it is saved and filled.
//!
//! Invariant: however large a file is, the host holds a few parts of it.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{FileInfo, FileKind, SandboxError, WORKSPACE};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::super::workspace::{
    FileSource, FileTarget, Found, NewFile, Part, Scan, TreeFault, TreePath,
};
use super::super::{Machine, Scan as MachineScan};

/// Parts of a file on their way to a machine.
const MAX_WAITING_PARTS: usize = 2;
/// Folders can be written to until everything is in them.
const OPEN_FOLDER_MODE: u32 = 0o700;

/// A workspace in a machine.
pub(super) struct MachineTree {
    machine: Arc<Machine>,
    /// Files of more than one part that are being written.
    uploads: Mutex<HashMap<TreePath, Upload>>,
}

struct Upload {
    parts: mpsc::Sender<Bytes>,
    done: JoinSet<Result<FileInfo, SandboxError>>,
}

impl MachineTree {
    pub(super) fn new(machine: Arc<Machine>) -> Self {
        Self { machine, uploads: Mutex::default() }
    }
}

fn fault(attempted: &'static str, path: &str) -> impl FnOnce(SandboxError) -> TreeFault {
    move |error| TreeFault { attempted, path: path.to_owned(), reason: error.to_string() }
}

/// Where a path is, inside. The agent names no others.
fn inside(attempted: &'static str, path: &TreePath) -> Result<String, TreeFault> {
    let text = std::str::from_utf8(path.as_bytes()).map_err(|_| TreeFault {
        attempted,
        path: String::from_utf8_lossy(path.as_bytes()).into_owned(),
        reason: "the name is not text".to_owned(),
    })?;
    Ok(format!("{WORKSPACE}/{text}"))
}

#[async_trait]
impl FileSource for MachineTree {
    async fn read(
        &self,
        path: &TreePath,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, TreeFault> {
        let path = inside("read", path)?;
        match self.machine.read_file(&path, offset, limit_bytes).await {
            // A link or a folder may have come into its place.
            Ok((_, info)) if info.kind != FileKind::File => Ok(None),
            Ok((bytes, _)) => Ok(Some(bytes)),
            Err(SandboxError::Invalid(_)) => Ok(None),
            Err(error) => Err(fault("read", &path)(error)),
        }
    }
}

#[async_trait]
impl FileTarget for MachineTree {
    async fn make_folder(&self, path: &TreePath) -> Result<(), TreeFault> {
        let path = inside("make", path)?;
        let made = self.machine.make_folder(&path, OPEN_FOLDER_MODE).await;
        made.map_err(fault("make", &path))
    }

    async fn write(&self, file: &NewFile, part: Part) -> Result<(), TreeFault> {
        let path = inside("write", &file.path)?;
        let (mode, modified_ns) = (file.mode, file.modified_ns);
        if part.offset == 0 && part.is_last {
            let written = self.machine.restore_file(&path, part.bytes, mode, modified_ns).await;
            return written.map(drop).map_err(fault("write", &path));
        }
        if part.offset == 0 {
            let (parts, coming) = mpsc::channel(MAX_WAITING_PARTS);
            let (machine, target) = (Arc::clone(&self.machine), path.clone());
            let mut done = JoinSet::new();
            done.spawn(async move {
                machine.restore_stream(&target, coming, mode, modified_ns).await
            });
            self.uploads.lock().await.insert(file.path.clone(), Upload { parts, done });
        }
        let upload = self.uploads.lock().await.remove(&file.path);
        let Some(mut upload) = upload else {
            return Err(fault("write", &path)(SandboxError::Broken("its start is missing".into())));
        };
        // One that failed has dropped its end; its result says why.
        let is_sent = upload.parts.send(part.bytes).await.is_ok();
        if is_sent && !part.is_last {
            self.uploads.lock().await.insert(file.path.clone(), upload);
            return Ok(());
        }
        drop(upload.parts);
        let ended = upload.done.join_next().await;
        let ended = ended.unwrap_or_else(|| Ok(Err(SandboxError::Broken("it was dropped".into()))));
        let ended = ended.unwrap_or_else(|error| Err(SandboxError::Broken(error.to_string())));
        ended.map(drop).map_err(fault("write", &path))
    }

    async fn make_link(&self, path: &TreePath, target: &[u8]) -> Result<(), TreeFault> {
        let path = inside("link", path)?;
        let not_text = |_| SandboxError::Invalid("its target is not text".to_owned());
        let target = std::str::from_utf8(target).map_err(not_text).map_err(fault("link", &path))?;
        self.machine.make_link(&path, target).await.map_err(fault("link", &path))
    }

    async fn set_folder_mode(&self, path: &TreePath, mode: u32) -> Result<(), TreeFault> {
        let path = inside("set the mode of", path)?;
        let made = self.machine.make_folder(&path, mode).await;
        made.map_err(fault("set the mode of", &path))
    }
}

/// What the agent found, in the form in which it is saved. Its paths are not to be believed.
pub(super) fn scan(found: MachineScan) -> Result<Scan, SandboxError> {
    let path = |text: &str| {
        TreePath::parse(text.as_bytes())
            .map_err(|error| SandboxError::LimitReached(format!("the workspace: {error}")))
    };
    let mut scan = Scan { is_full: found.is_full, ..Scan::default() };
    for entry in found.changed {
        scan.changed.push(Found {
            path: path(&entry.path)?,
            kind: entry.kind,
            mode: entry.mode,
            size_bytes: entry.size_bytes,
            modified_ns: entry.modified_ns,
            changed_ns: 0,
            target: entry.target.map(|target| target.into_bytes().into()),
        });
    }
    for removed in found.removed {
        scan.removed.push(path(&removed)?);
    }
    Ok(scan)
}
