//! A machine's workspace, through the agent inside.
//!
//! Invariant: what a machine says is checked like anything else that is read here. Names that are not
//! UTF-8 do not pass the connection to the agent: it leaves them out of scans.

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{SandboxError, WORKSPACE};
use tokio::sync::mpsc;

use super::error::WorkspaceError;
use super::path::TreePath;
use super::tree::{FileSource, FileTarget, NewFile, Parts, TreeFault};
use crate::sandbox::Machine;

/// How many parts of a file are on their way.
const MAX_QUEUED_PARTS: usize = 2;
/// What a folder is made with until its own mode is set: files are put into it.
const WRITABLE_MODE: u32 = 0o755;

/// The workspace of a machine.
#[derive(Clone, Copy)]
pub struct MachineTree<'a> {
    machine: &'a Machine,
}

impl<'a> MachineTree<'a> {
    /// The workspace of this machine.
    #[must_use]
    pub fn new(machine: &'a Machine) -> Self {
        Self { machine }
    }
}

#[async_trait]
impl FileSource for MachineTree<'_> {
    async fn read(
        &self,
        path: &TreePath,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, TreeFault> {
        match self.machine.read_file(&absolute(path)?, offset, limit_bytes).await {
            Ok((bytes, _)) if bytes.len() <= limit_bytes => Ok(Some(bytes)),
            Ok((bytes, _)) => Err(fault("read", path)(SandboxError::Broken(format!(
                "{} bytes came, more than {limit_bytes}",
                bytes.len()
            )))),
            // It has gone, or something else is in its place.
            Err(SandboxError::Invalid(_)) => Ok(None),
            Err(error) => Err(fault("read", path)(error)),
        }
    }
}

#[async_trait]
impl FileTarget for MachineTree<'_> {
    async fn make_folder(&self, path: &TreePath) -> Result<(), TreeFault> {
        self.set_folder_mode(path, WRITABLE_MODE).await
    }

    async fn write(&self, file: &NewFile, parts: &mut dyn Parts) -> Result<(), WorkspaceError> {
        let path = absolute(&file.path)?;
        let (sender, receiver) = mpsc::channel(MAX_QUEUED_PARTS);
        let feeding = async move {
            while let Some(part) = parts.next().await? {
                // An agent that wants no more says why.
                if sender.send(part).await.is_err() {
                    break;
                }
            }
            Ok::<_, WorkspaceError>(())
        };
        let restoring = async {
            let restored =
                self.machine.restore_file_from(&path, receiver, file.mode, file.modified_ns);
            Ok(restored.await.map_err(fault("write", &file.path))?)
        };
        futures::try_join!(feeding, restoring)?;
        Ok(())
    }

    async fn make_link(&self, path: &TreePath, target: &[u8]) -> Result<(), TreeFault> {
        let failed = fault("make the link", path);
        let Ok(target) = std::str::from_utf8(target) else {
            return Err(failed(SandboxError::Invalid("its target is not UTF-8".to_owned())));
        };
        self.machine.make_link(&absolute(path)?, target).await.map_err(failed)
    }

    async fn set_folder_mode(&self, path: &TreePath, mode: u32) -> Result<(), TreeFault> {
        let made = self.machine.make_folder(&absolute(path)?, mode).await;
        made.map_err(fault("make the folder", path))
    }
}

fn absolute(path: &TreePath) -> Result<String, TreeFault> {
    let text = std::str::from_utf8(path.as_bytes()).map_err(|_| {
        fault("name", path)(SandboxError::Invalid("its name is not UTF-8".to_owned()))
    })?;
    Ok(format!("{WORKSPACE}/{text}"))
}

fn fault(attempted: &'static str, path: &TreePath) -> impl FnOnce(SandboxError) -> TreeFault {
    let path = path.to_string();
    move |error| TreeFault { attempted, path, reason: error.to_string() }
}
