//! The compute port: a session's isolated machine.
//!
//! Invariant: everything here is plain data. A machine is found by its session's id alone, so that a
//! process that starts after a crash finds what the one before left; a command carries its effect's id,
//! so that what became of it can be asked. Deliberately absent: which driver runs a machine and how.

mod exec;
mod info;
mod none;
mod spec;
mod terminal;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_protocol::{EffectId, SessionId, TenantId};
use serde::{Deserialize, Serialize};

pub use exec::{
    CodeLanguage, CodeOutput, CodeRequest, CodeResult, ExecEnd, ExecOutput, ExecRecord,
    ExecRequest, Fate, OutputSink, OutputStream,
};
pub use info::{
    FileInfo, FileKind, SandboxCapabilities, SandboxInfo, SandboxLog, SandboxStatus, SavedFile,
};
pub use none::NoSandboxes;
pub use spec::{
    ExecutorSpec, NetworkRule, SandboxSecret, SandboxSetup, SandboxSpec, SandboxTier, WORKSPACE,
};
pub use terminal::{Terminal, TerminalEvent, TerminalRequest};

/// A saved workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The blob that names all others of it: the root of its tree.
    pub workspace: String,
    /// How many files it has.
    pub file_count: u64,
    /// Their size together.
    pub size_bytes: u64,
    /// How much had to be written for it: the rest was there from the one before.
    pub written_bytes: u64,
}

/// What a blob of a checkpoint names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedBlobs {
    /// Blobs that may name others.
    pub inner: Vec<String>,
    /// Blobs that hold bytes of files, and name none.
    pub leaves: Vec<String>,
}

/// A connection that a machine made, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// From 1, in the session.
    pub number: u64,
    /// When it was asked for, Unix milliseconds.
    pub at_ms: u64,
    /// The host as the machine named it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Why it was refused or broke; none when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What the machine sent.
    pub sent_bytes: u64,
    /// What it received.
    pub received_bytes: u64,
    /// The variables whose secrets were put in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// What saving a machine brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Its workspace; none when there was no machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Connections that ended and were not handed out before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<Connection>,
}

/// Whose machine is meant, and from what it is made if there is none.
#[derive(Debug, Clone)]
pub struct SandboxRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The session; a machine belongs to one.
    pub session: SessionId,
    /// What it is made from.
    pub spec: Arc<SandboxSpec>,
    /// What is put into a new one.
    pub setup: Arc<SandboxSetup>,
    /// What the proxy substitutes.
    pub secrets: Arc<[SandboxSecret]>,
    /// The workspace that a new one begins with; none begins empty.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// How many calls the session made since that checkpoint (or since it began): with a new machine
    /// they are lost, and the caller is told.
    pub calls_since: u32,
    /// How often the session's journal tells that another machine took the place of a lost one. Until it
    /// tells of the last time, every answer does.
    pub told_resets: u32,
}

/// How a machine came to be there for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It ran, or was parked with its processes: nothing is lost.
    Running,
    /// It is the session's first.
    New,
    /// It is new, made from the checkpoint: processes and variables are gone, and files as they were
    /// changed by this many calls since.
    Restored {
        /// Calls whose changes may be lost.
        lost_calls: u32,
    },
    /// It goes on from the memory image of the checkpoint: processes, variables and files are as they were
    /// then, without what this many calls did since.
    Resumed {
        /// Calls that it has not seen.
        lost_calls: u32,
    },
}

/// What a call saw of the session's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineSeen {
    /// It was there, and this is how it came to be.
    Ready(Readiness),
    /// It could not be had, for this reason.
    Absent(String),
}

/// Why compute failed, by what is done next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// No driver works here: tell the user how to get one.
    #[error("no isolated compute is available: {0}")]
    Unavailable(String),
    /// What was asked for cannot be: tell whoever asked.
    #[error("{0}")]
    Invalid(String),
    /// A limit of the machine or of the host is reached: tell the model.
    #[error("a limit of the sandbox is reached: {0}")]
    LimitReached(String),
    /// The machine did not come up, so nothing was done: try again.
    #[error("the sandbox did not come up: {0}")]
    NotStarted(String),
    /// The machine is gone or does not answer: it is made again at the next call.
    #[error("the sandbox is broken: {0}")]
    Broken(String),
}

/// The machines of this installation.
///
/// Every call with a [`SandboxRequest`] finds the session's machine, or makes it, and says which.
#[async_trait]
pub trait Sandboxes: Send + Sync {
    /// What can be done here.
    fn capabilities(&self) -> SandboxCapabilities;

    /// Whether such a machine can be had; the error is for whoever defines the environment.
    async fn check(&self, spec: &SandboxSpec) -> Result<(), SandboxError>;

    /// Has the machine there.
    async fn ready(&self, request: &SandboxRequest) -> Result<Readiness, SandboxError>;

    /// Runs a command. Dropping the future kills it; a crash of this process does not.
    async fn exec(
        &self,
        request: &SandboxRequest,
        exec: ExecRequest,
        sink: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError>;

    /// What became of a command; waits for one that still runs. Makes no machine.
    async fn exec_fate(
        &self,
        session: &SessionId,
        effect: &EffectId,
    ) -> Result<Fate<ExecOutput>, SandboxError>;

    /// Runs code in the machine's resident interpreter.
    async fn code(
        &self,
        request: &SandboxRequest,
        code: CodeRequest,
        sink: Option<OutputSink>,
    ) -> Result<(CodeOutput, Readiness), SandboxError>;

    /// What became of code; waits for code that still runs. Makes no machine.
    async fn code_fate(
        &self,
        session: &SessionId,
        effect: &EffectId,
    ) -> Result<Fate<CodeOutput>, SandboxError>;

    /// Part of a file: its bytes from `offset`, at most `limit_bytes`, and its whole size.
    async fn read_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo, Readiness), SandboxError>;

    /// Writes a file whole, with the folders above it.
    async fn write_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        content: Bytes,
    ) -> Result<Readiness, SandboxError>;

    /// The files below a folder in the order of their paths, behind `after`; links are not followed.
    async fn list_files(
        &self,
        request: &SandboxRequest,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError>;

    /// Saves the workspace of a machine that is there, as what is different from the last checkpoint of
    /// the journal: blobs of any other may be gone. Hands out its connections behind this number; those
    /// up to it are in the journal and are forgotten. Idempotent.
    async fn save(
        &self,
        session: &SessionId,
        connections_after: u64,
        last: Option<&Checkpoint>,
    ) -> Result<Saved, SandboxError>;

    /// Puts a machine that nobody uses away, with its processes where the driver can.
    async fn park(&self, session: &SessionId) -> Result<(), SandboxError>;

    /// The files below a folder of a workspace that was saved, in the order of their paths. Needs no
    /// machine.
    async fn saved_files(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        folder: &str,
    ) -> Result<Arc<[SavedFile]>, SandboxError> {
        let _ = (session, checkpoint, folder);
        Ok(Arc::from([]))
    }

    /// A file of a workspace that was saved; none when it has no such file. Needs no machine.
    async fn read_saved_file(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, SandboxError> {
        let _ = (session, checkpoint, path, limit_bytes);
        Ok(None)
    }

    /// Starts a command on a terminal of its own. Dropping the terminal ends it.
    async fn terminal(
        &self,
        request: &SandboxRequest,
        terminal: TerminalRequest,
    ) -> Result<(Box<dyn Terminal>, Readiness), SandboxError> {
        let _ = (request, terminal);
        Err(SandboxError::Unavailable("there are no terminals here".to_owned()))
    }

    /// What a machine and what keeps it said of themselves: the end of it, by where it comes from. Makes
    /// no machine.
    async fn logs(
        &self,
        session: &SessionId,
        limit_bytes: usize,
    ) -> Result<Vec<SandboxLog>, SandboxError> {
        let _ = (session, limit_bytes);
        Ok(Vec::new())
    }

    /// Makes the machine of a session that has none the same as another session's is now, which goes on:
    /// with its processes where the driver can copy them, else with its files, of which the first answer
    /// then tells. Whether there was a machine to copy; without one the session's is made as ever.
    async fn fork(&self, from: &SessionId, to: &SandboxRequest) -> Result<bool, SandboxError> {
        let _ = (from, to);
        Ok(false)
    }

    /// Ends the machine and frees what it held. Of one that is not there too.
    async fn destroy(&self, session: &SessionId) -> Result<(), SandboxError>;

    /// The machines that are there.
    async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError>;

    /// The blobs that a blob of a checkpoint names, by which a checkpoint is walked from its root; an
    /// error when it is no such blob.
    fn blobs_of(&self, blob: &[u8]) -> Result<NamedBlobs, SandboxError>;

    /// The blobs by which the files below a folder are told and read that another checkpoint has not, or
    /// not so; none when there is no such file. Needs no machine.
    async fn blobs_of_files(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        other: Option<&Checkpoint>,
        folder: &str,
    ) -> Result<Vec<String>, SandboxError> {
        let _ = (session, checkpoint, other, folder);
        Ok(Vec::new())
    }
}

/// Blobs of one session: what is kept of its machine.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Keeps bytes under their SHA-256 (hexadecimal), durable on return. Idempotent.
    async fn put(&self, session: &SessionId, bytes: Bytes) -> Result<String, BlobError>;

    /// The bytes of a hash; none when they are not there.
    async fn get(&self, session: &SessionId, hash: &str) -> Result<Option<Bytes>, BlobError>;
}

/// The store of blobs failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BlobError(pub String);
