//! Machines of this server and machines of clients behind one port.
//!
//! Invariant: a session's machine is of one kind for as long as the session lives: what its spec says,
//! and for what is asked by the session's id alone, whether its executor is known here.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Checkpoint, CodeOutput, CodeRequest, ExecOutput, ExecRequest, Fate, FileInfo, NamedBlobs,
    OutputSink, Readiness, SandboxCapabilities, SandboxError, SandboxInfo, SandboxLog,
    SandboxRequest, SandboxSpec, Sandboxes, Saved, SavedFile, Terminal, TerminalRequest,
};
use mainstay_protocol::{EffectId, SessionId};

use super::executor::ExecutorSandboxes;

/// Asks whichever of both has the session's machine.
pub struct EitherSandboxes {
    hosted: Arc<dyn Sandboxes>,
    executors: Arc<ExecutorSandboxes>,
}

impl EitherSandboxes {
    /// Machines of this server, and those of clients.
    #[must_use]
    pub fn new(hosted: Arc<dyn Sandboxes>, executors: Arc<ExecutorSandboxes>) -> Self {
        Self { hosted, executors }
    }

    fn of(&self, spec: &SandboxSpec) -> &dyn Sandboxes {
        match spec.executor {
            Some(_) => self.executors.as_ref(),
            None => self.hosted.as_ref(),
        }
    }

    async fn of_session(&self, session: &SessionId) -> Result<&dyn Sandboxes, SandboxError> {
        Ok(match self.executors.knows(session).await? {
            true => self.executors.as_ref(),
            false => self.hosted.as_ref(),
        })
    }
}

#[async_trait]
impl Sandboxes for EitherSandboxes {
    fn capabilities(&self) -> SandboxCapabilities {
        self.hosted.capabilities()
    }

    async fn check(&self, spec: &SandboxSpec) -> Result<(), SandboxError> {
        self.of(spec).check(spec).await
    }

    async fn ready(&self, request: &SandboxRequest) -> Result<Readiness, SandboxError> {
        self.of(&request.spec).ready(request).await
    }

    async fn exec(
        &self,
        request: &SandboxRequest,
        exec: ExecRequest,
        sink: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError> {
        self.of(&request.spec).exec(request, exec, sink).await
    }

    async fn exec_fate(
        &self,
        session: &SessionId,
        effect: &EffectId,
    ) -> Result<Fate<ExecOutput>, SandboxError> {
        self.of_session(session).await?.exec_fate(session, effect).await
    }

    async fn code(
        &self,
        request: &SandboxRequest,
        code: CodeRequest,
        sink: Option<OutputSink>,
    ) -> Result<(CodeOutput, Readiness), SandboxError> {
        self.of(&request.spec).code(request, code, sink).await
    }

    async fn code_fate(
        &self,
        session: &SessionId,
        effect: &EffectId,
    ) -> Result<Fate<CodeOutput>, SandboxError> {
        self.of_session(session).await?.code_fate(session, effect).await
    }

    async fn terminal(
        &self,
        request: &SandboxRequest,
        terminal: TerminalRequest,
    ) -> Result<(Box<dyn Terminal>, Readiness), SandboxError> {
        self.of(&request.spec).terminal(request, terminal).await
    }

    async fn saved_files(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        folder: &str,
    ) -> Result<Arc<[SavedFile]>, SandboxError> {
        self.hosted.saved_files(session, checkpoint, folder).await
    }

    async fn read_saved_file(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, SandboxError> {
        self.hosted.read_saved_file(session, checkpoint, path, limit_bytes).await
    }

    async fn logs(
        &self,
        session: &SessionId,
        limit_bytes: usize,
    ) -> Result<Vec<SandboxLog>, SandboxError> {
        self.of_session(session).await?.logs(session, limit_bytes).await
    }

    async fn read_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo, Readiness), SandboxError> {
        self.of(&request.spec).read_file(request, path, offset, limit_bytes).await
    }

    async fn write_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        content: Bytes,
    ) -> Result<Readiness, SandboxError> {
        self.of(&request.spec).write_file(request, path, content).await
    }

    async fn list_files(
        &self,
        request: &SandboxRequest,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError> {
        let of = self.of(&request.spec);
        of.list_files(request, folder, is_recursive, after, limit_count).await
    }

    async fn save(
        &self,
        session: &SessionId,
        connections_after: u64,
        last: Option<&Checkpoint>,
    ) -> Result<Saved, SandboxError> {
        self.of_session(session).await?.save(session, connections_after, last).await
    }

    async fn park(&self, session: &SessionId) -> Result<(), SandboxError> {
        self.of_session(session).await?.park(session).await
    }

    async fn fork(&self, from: &SessionId, to: &SandboxRequest) -> Result<bool, SandboxError> {
        match to.spec.executor {
            // A client's own machine is one.
            Some(_) => Ok(false),
            None => self.hosted.fork(from, to).await,
        }
    }

    async fn destroy(&self, session: &SessionId) -> Result<(), SandboxError> {
        self.of_session(session).await?.destroy(session).await
    }

    async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        self.hosted.list().await
    }

    async fn blobs_of_files(
        &self,
        session: &SessionId,
        checkpoint: &Checkpoint,
        other: Option<&Checkpoint>,
        folder: &str,
    ) -> Result<Vec<String>, SandboxError> {
        self.hosted.blobs_of_files(session, checkpoint, other, folder).await
    }

    fn blobs_of(&self, blob: &[u8]) -> Result<NamedBlobs, SandboxError> {
        self.hosted.blobs_of(blob)
    }
}
