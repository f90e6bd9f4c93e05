//! What the hub needs of the agent inside, of saved workspaces and of the way out.
//!
//! Invariant: the hub knows none of their formats. Deliberately absent: everything that is done with them
//! (`link` has the real ones).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Blobs, Checkpoint, CodeOutput, CodeRequest, Connection, ExecOutput, ExecRequest, Fate,
    FileInfo, OutputSink, SandboxError, SandboxRequest, Terminal, TerminalRequest,
};
use mainstay_protocol::{EffectId, SessionId};
use tokio::net::UnixStream;

use super::super::{Hello, Image};

/// A connection to the agent inside of a machine.
#[async_trait]
pub trait Guest: Send + Sync {
    /// Runs a command. Dropping the future kills it.
    async fn exec(
        &self,
        exec: ExecRequest,
        sink: Option<OutputSink>,
    ) -> Result<ExecOutput, SandboxError>;

    /// What became of a command; waits for one that runs.
    async fn exec_fate(&self, effect: &EffectId) -> Result<Fate<ExecOutput>, SandboxError>;

    /// Runs code in a resident interpreter.
    async fn code(
        &self,
        code: CodeRequest,
        sink: Option<OutputSink>,
    ) -> Result<CodeOutput, SandboxError>;

    /// What became of code; waits for code that runs.
    async fn code_fate(&self, effect: &EffectId) -> Result<Fate<CodeOutput>, SandboxError>;

    /// Starts a command on a terminal of its own. Dropping it ends it.
    async fn terminal(&self, terminal: TerminalRequest) -> Result<Box<dyn Terminal>, SandboxError> {
        let _ = terminal;
        Err(SandboxError::Unavailable("this machine has no terminals".to_owned()))
    }

    /// Part of a file.
    async fn read_file(
        &self,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo), SandboxError>;

    /// Writes a file whole.
    async fn write_file(&self, path: &str, content: Bytes) -> Result<(), SandboxError>;

    /// The files below a folder.
    async fn list_files(
        &self,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<Vec<FileInfo>, SandboxError>;

    /// Fills the empty workspace.
    async fn restore(&self, checkpoint: &Checkpoint) -> Result<(), SandboxError>;

    /// Saves the whole workspace elsewhere, for another machine; what it was saved as is not forgotten.
    async fn files_to(&self, blobs: &dyn Blobs) -> Result<Checkpoint, SandboxError>;

    /// Fills the empty workspace from there; nothing of it counts as saved.
    async fn files_from(
        &self,
        blobs: &dyn Blobs,
        checkpoint: &Checkpoint,
    ) -> Result<(), SandboxError>;

    /// Has ready what the first calls need. A machine that cannot be warmed is as good, and slower.
    async fn warm(&self);

    /// Saves what changed of the workspace since it was saved as this.
    async fn save(&self, last: Option<&Checkpoint>) -> Result<Checkpoint, SandboxError>;

    /// Says anew what holds for the machine.
    async fn configure(&self, hello: Hello) -> Result<(), SandboxError>;

    /// Whether it ended, from either side.
    fn is_closed(&self) -> bool;
}

/// For whom a connection is made.
#[derive(Debug, Clone)]
pub enum Introduction {
    /// For the session's calls.
    Session(Box<SandboxRequest>),
    /// To look after what is there; commands get nothing.
    Caretaker(SessionId),
    /// To have it wait for a session. It ends when this server does.
    Nobody,
}

impl Introduction {
    /// Whose machine it is.
    #[must_use]
    pub fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Session(request) => Some(&request.session),
            Self::Caretaker(session) => Some(session),
            Self::Nobody => None,
        }
    }

    /// How often the session's journal tells that a machine was lost, where that is known.
    #[must_use]
    pub fn told_resets(&self) -> Option<u32> {
        match self {
            Self::Session(request) => Some(request.told_resets),
            Self::Caretaker(_) | Self::Nobody => None,
        }
    }
}

/// Makes connections.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Greets the agent behind a channel, within a time limit of its own.
    async fn connect(
        &self,
        stream: UnixStream,
        introduction: Introduction,
    ) -> Result<Arc<dyn Guest>, SandboxError>;

    /// Makes a caretaker's connection one for the session's calls. A machine has one connection, so that
    /// another beside it would wait for ever.
    async fn introduce(
        &self,
        guest: &dyn Guest,
        request: &SandboxRequest,
    ) -> Result<(), SandboxError>;

    /// Takes over what holds for a session's machine from this call on.
    fn refresh(&self, request: &SandboxRequest);

    /// The connections out of a machine that ended behind this number; those up to it are forgotten.
    fn connections(&self, session: &SessionId, after: u64)
    -> Result<Vec<Connection>, SandboxError>;

    /// Where workspaces are saved, when they are.
    fn blobs(&self) -> Option<&dyn Blobs> {
        None
    }

    /// Forgets a session.
    fn forget(&self, session: &SessionId);
}

/// Where root images are.
pub trait Images: Send + Sync {
    /// An image by its name; the error is for whoever asked, with what to do.
    fn image(&self, name: &str) -> Result<Image, String>;
}
