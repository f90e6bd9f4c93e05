//! An installation without machines.

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_protocol::{EffectId, SessionId};

use super::{
    Checkpoint, CodeOutput, CodeRequest, ExecOutput, ExecRequest, Fate, FileInfo, NamedBlobs,
    OutputSink, Readiness, SandboxCapabilities, SandboxError, SandboxInfo, SandboxRequest,
    SandboxSpec, Sandboxes, Saved,
};

/// Refuses every machine, and says why and what to do about it.
#[derive(Debug, Clone)]
pub struct NoSandboxes {
    reason: String,
}

impl NoSandboxes {
    /// For this reason, with its remedy.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    fn refused<T>(&self) -> Result<T, SandboxError> {
        Err(SandboxError::Unavailable(self.reason.clone()))
    }
}

impl Default for NoSandboxes {
    fn default() -> Self {
        Self::new("this server has no sandboxes; see `mainstay doctor`")
    }
}

#[async_trait]
impl Sandboxes for NoSandboxes {
    fn capabilities(&self) -> SandboxCapabilities {
        SandboxCapabilities { notes: vec![self.reason.clone()], ..SandboxCapabilities::default() }
    }

    async fn check(&self, _: &SandboxSpec) -> Result<(), SandboxError> {
        self.refused()
    }

    async fn ready(&self, _: &SandboxRequest) -> Result<Readiness, SandboxError> {
        self.refused()
    }

    async fn exec(
        &self,
        _: &SandboxRequest,
        _: ExecRequest,
        _: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError> {
        self.refused()
    }

    async fn exec_fate(
        &self,
        _: &SessionId,
        _: &EffectId,
    ) -> Result<Fate<ExecOutput>, SandboxError> {
        Ok(Fate::Gone)
    }

    async fn code(
        &self,
        _: &SandboxRequest,
        _: CodeRequest,
        _: Option<OutputSink>,
    ) -> Result<(CodeOutput, Readiness), SandboxError> {
        self.refused()
    }

    async fn code_fate(
        &self,
        _: &SessionId,
        _: &EffectId,
    ) -> Result<Fate<CodeOutput>, SandboxError> {
        Ok(Fate::Gone)
    }

    async fn read_file(
        &self,
        _: &SandboxRequest,
        _: &str,
        _: u64,
        _: usize,
    ) -> Result<(Bytes, FileInfo, Readiness), SandboxError> {
        self.refused()
    }

    async fn write_file(
        &self,
        _: &SandboxRequest,
        _: &str,
        _: Bytes,
    ) -> Result<Readiness, SandboxError> {
        self.refused()
    }

    async fn list_files(
        &self,
        _: &SandboxRequest,
        _: &str,
        _: bool,
        _: Option<&str>,
        _: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError> {
        self.refused()
    }

    async fn save(
        &self,
        _: &SessionId,
        _: u64,
        _: Option<&Checkpoint>,
    ) -> Result<Saved, SandboxError> {
        // There is no machine, so there is nothing to save.
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
        self.refused()
    }
}
