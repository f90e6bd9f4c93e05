//! A machine that answers what a test says, and keeps its files in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Checkpoint, CodeOutput, CodeRequest, ExecOutput, ExecRequest, Fate, FileInfo, FileKind,
    NamedBlobs, OutputSink, Readiness, SandboxCapabilities, SandboxError, SandboxInfo,
    SandboxRequest, SandboxSpec, Sandboxes, Saved,
};
use mainstay_protocol::{EffectId, SessionId};

/// What the machine does next.
pub(super) enum Next {
    Exec(Result<ExecOutput, SandboxError>),
    ExecFate(Fate<ExecOutput>),
    Code(Result<CodeOutput, SandboxError>),
    CodeFate(Fate<CodeOutput>),
}

#[derive(Default)]
pub(super) struct FakeMachine {
    next: Mutex<VecDeque<Next>>,
    pub(super) execs: Mutex<Vec<ExecRequest>>,
    pub(super) files: Mutex<BTreeMap<String, Bytes>>,
    pub(super) readiness: Mutex<Option<Readiness>>,
}

impl FakeMachine {
    pub(super) fn then(&self, next: Next) {
        self.next.lock().expect("no panic").push_back(next);
    }

    fn take(&self) -> Next {
        self.next.lock().expect("no panic").pop_front().expect("the test said what comes next")
    }

    fn ready(&self) -> Readiness {
        self.readiness.lock().expect("no panic").unwrap_or(Readiness::Running)
    }
}

#[async_trait]
impl Sandboxes for FakeMachine {
    fn capabilities(&self) -> SandboxCapabilities {
        SandboxCapabilities::default()
    }

    async fn check(&self, _: &SandboxSpec) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn ready(&self, _: &SandboxRequest) -> Result<Readiness, SandboxError> {
        Ok(self.ready())
    }

    async fn exec(
        &self,
        _: &SandboxRequest,
        exec: ExecRequest,
        _: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError> {
        self.execs.lock().expect("no panic").push(exec);
        match self.take() {
            Next::Exec(output) => Ok((output?, self.ready())),
            _ => panic!("a command was not expected"),
        }
    }

    async fn exec_fate(
        &self,
        _: &SessionId,
        _: &EffectId,
    ) -> Result<Fate<ExecOutput>, SandboxError> {
        match self.take() {
            Next::ExecFate(fate) => Ok(fate),
            _ => panic!("nobody was to ask for a command"),
        }
    }

    async fn code(
        &self,
        _: &SandboxRequest,
        _: CodeRequest,
        _: Option<OutputSink>,
    ) -> Result<(CodeOutput, Readiness), SandboxError> {
        match self.take() {
            Next::Code(output) => Ok((output?, self.ready())),
            _ => panic!("code was not expected"),
        }
    }

    async fn code_fate(
        &self,
        _: &SessionId,
        _: &EffectId,
    ) -> Result<Fate<CodeOutput>, SandboxError> {
        match self.take() {
            Next::CodeFate(fate) => Ok(fate),
            _ => panic!("nobody was to ask for code"),
        }
    }

    async fn read_file(
        &self,
        _: &SandboxRequest,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo, Readiness), SandboxError> {
        let files = self.files.lock().expect("no panic");
        let Some(content) = files.get(path) else {
            return Err(SandboxError::Invalid(format!("read {path:?}: no such file")));
        };
        let start = usize::try_from(offset).expect("small").min(content.len());
        let end = (start + limit_bytes).min(content.len());
        Ok((content.slice(start..end), info(path, content.len()), self.ready()))
    }

    async fn write_file(
        &self,
        _: &SandboxRequest,
        path: &str,
        content: Bytes,
    ) -> Result<Readiness, SandboxError> {
        self.files.lock().expect("no panic").insert(path.to_owned(), content);
        Ok(self.ready())
    }

    async fn list_files(
        &self,
        _: &SandboxRequest,
        folder: &str,
        _: bool,
        _: Option<&str>,
        limit_count: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError> {
        let files = self.files.lock().expect("no panic");
        let inside = files.iter().filter(|(path, _)| path.starts_with(folder));
        let found = inside.take(limit_count).map(|(path, content)| info(path, content.len()));
        Ok((found.collect(), self.ready()))
    }

    async fn save(
        &self,
        _: &SessionId,
        _: u64,
        _: Option<&Checkpoint>,
    ) -> Result<Saved, SandboxError> {
        Ok(Saved::default())
    }

    async fn park(&self, _: &SessionId) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn destroy(&self, _: &SessionId) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        Ok(Vec::new())
    }

    fn blobs_of(&self, _: &[u8]) -> Result<NamedBlobs, SandboxError> {
        Ok(NamedBlobs::default())
    }
}

fn info(path: &str, size: usize) -> FileInfo {
    FileInfo {
        path: path.to_owned(),
        kind: FileKind::File,
        size_bytes: size as u64,
        modified_ms: 0,
        mode: 0o644,
    }
}
