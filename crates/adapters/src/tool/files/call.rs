//! One call of a file tool: reads its arguments and runs it off the session's task.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::Dir;
use mainstay_core::port::{ToolCall, ToolError, ToolOutput};
use mainstay_core::tool::Safety;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::workspace::Workspaces;
use super::{edit, list, read, search, write};
use crate::tool::output::{not_sent, terminal};

/// The tools of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Edit,
    List,
    Read,
    Search,
    Write,
}

impl Tool {
    pub(crate) const ALL: &[Self] =
        &[Self::List, Self::Read, Self::Search, Self::Write, Self::Edit];

    /// The tool of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|tool| tool.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit_file",
            Self::List => "list_files",
            Self::Read => "read_file",
            Self::Search => "search_files",
            Self::Write => "write_file",
        }
    }

    pub(super) fn writes(self) -> bool {
        match self {
            Self::List | Self::Read | Self::Search => false,
            Self::Edit | Self::Write => true,
        }
    }
}

/// What went wrong with the files, by who is told.
#[derive(Debug)]
pub(super) enum FileError {
    /// The model.
    Model(String),
    /// The machine: full, read-only or broken disk. Another attempt may help.
    Machine(String),
}

impl FileError {
    /// `attempt` is what was attempted with which path.
    pub(super) fn io(attempt: &str, error: &io::Error) -> Self {
        let text = format!("{attempt}: {error}");
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::ResourceBusy => Self::Machine(text),
            _ if matches!(error.raw_os_error(), Some(EIO | EMFILE | ENFILE)) => Self::Machine(text),
            _ => Self::Model(text),
        }
    }
}

const EIO: i32 = rustix::io::Errno::IO.raw_os_error();
const EMFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
const ENFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();

/// The file tools of all sessions.
pub(crate) struct FileTools {
    workspaces: Arc<Workspaces>,
}

impl FileTools {
    pub(crate) fn new(workspaces: PathBuf, template: Option<PathBuf>) -> Self {
        Self { workspaces: Arc::new(Workspaces::new(workspaces, template)) }
    }

    /// Runs one attempt. Files block, so that they are read and written on a thread of their own.
    pub(crate) async fn call(&self, call: ToolCall) -> Result<ToolOutput, ToolError> {
        let Some(tool) = Tool::named(&call.spec.remote_name) else {
            return Err(terminal(format!("there is no file tool {:?}", call.spec.remote_name)));
        };
        let workspaces = Arc::clone(&self.workspaces);
        let work = move || {
            let dir = workspaces
                .open(&call.context.session)
                .map_err(|error| FileError::Machine(format!("open the workspace: {error}")))?;
            run(tool, &dir, &call)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(FileError::Model(text))) => Ok(ToolOutput::error(text)),
            // Both classes of file tools may simply be attempted again.
            Ok(Err(FileError::Machine(text))) => Err(not_sent(text)),
            Err(error) => Err(terminal(format!("{}: {error}", tool.name()))),
        }
    }
}

fn run(tool: Tool, dir: &Dir, call: &ToolCall) -> Result<ToolOutput, FileError> {
    debug_assert!(call.spec.safety != Safety::Once, "file tools may be repeated");
    match tool {
        Tool::Edit => edit::edit(dir, &arguments(&call.arguments)?, &call.effect, call.attempt),
        Tool::List => list::list(dir, &arguments(&call.arguments)?),
        Tool::Read => read::read(dir, &arguments(&call.arguments)?),
        Tool::Search => search::search(dir, &arguments(&call.arguments)?),
        Tool::Write => write::write(dir, &arguments(&call.arguments)?, &call.effect, call.attempt),
    }
}

fn arguments<A: DeserializeOwned>(value: &Value) -> Result<A, FileError> {
    A::deserialize(value)
        .map_err(|error| FileError::Model(format!("the arguments do not fit: {error}")))
}

/// Where a tool works when the model names no folder.
pub(super) fn root() -> String {
    ".".to_owned()
}
