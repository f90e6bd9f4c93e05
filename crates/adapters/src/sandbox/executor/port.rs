//! Both ports: executors for the door that they come in by, sandboxes for the tools.

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Checkpoint, CodeOutput, CodeRequest, ExecOutput, ExecRequest, ExecutorError, ExecutorSpec,
    ExecutorStatus, ExecutorWire, Executors, Fate, FileInfo, NamedBlobs, OutputSink, Readiness,
    SandboxCapabilities, SandboxError, SandboxInfo, SandboxRequest, SandboxSpec, Sandboxes, Saved,
    Terminal, TerminalRequest,
};
use mainstay_protocol::{EffectId, IdMint, SessionId};

use super::commands::{CONNECT_WAIT_MS, away, exec};
use super::connection;
use super::executors::ExecutorSandboxes;
use super::fate::fate;
use super::files::Files;
use super::paths::Paths;
use super::place::Place;
use super::terminal;

/// What a registration is named by, before its random part.
const REGISTRATION_PREFIX: &str = "reg_";

#[async_trait]
impl Executors for ExecutorSandboxes {
    async fn register(&self, session: &SessionId) -> Result<String, ExecutorError> {
        let place = self.place(session).await.map_err(|error| noted(&error))?;
        let registration = format!("{REGISTRATION_PREFIX}{:032x}", self.entropy.next());
        let named = registration.clone();
        let changed = place.change(|record| record.registration = Some(named)).await;
        changed.map_err(|error| noted(&error))?;
        Ok(registration)
    }

    async fn admit(&self, session: &SessionId, registration: &str) -> Result<(), ExecutorError> {
        let found = self.find(session).await.map_err(|error| noted(&error))?;
        let Some(place) = found else { return Err(ExecutorError::Unregistered) };
        match place.record().await.registration.as_deref() {
            Some(current) if current == registration => Ok(()),
            Some(_) => Err(ExecutorError::Superseded),
            None => Err(ExecutorError::Unregistered),
        }
    }

    async fn serve(&self, session: &SessionId, registration: &str, wire: ExecutorWire) {
        if self.admit(session, registration).await.is_ok()
            && let Ok(Some(place)) = self.find(session).await
        {
            connection::serve(&place, wire).await;
        }
    }

    async fn status(&self, session: &SessionId) -> ExecutorStatus {
        match self.find(session).await {
            Ok(Some(place)) => place.status().await,
            Ok(None) | Err(_) => ExecutorStatus::Pending,
        }
    }
}

fn noted(error: &SandboxError) -> ExecutorError {
    ExecutorError::Failed(error.to_string())
}

fn paths(spec: &SandboxSpec) -> Result<Paths<'_>, SandboxError> {
    let executor = spec.executor.as_ref().ok_or_else(|| {
        SandboxError::Invalid("the environment is not a self-hosted one".to_owned())
    })?;
    let ExecutorSpec { workspace_directory } = executor;
    Ok(Paths { directory: workspace_directory })
}

fn no_code() -> SandboxError {
    SandboxError::Invalid(
        "a self-hosted environment has no resident interpreter; run the code with the shell"
            .to_owned(),
    )
}

#[async_trait]
impl Sandboxes for ExecutorSandboxes {
    fn capabilities(&self) -> SandboxCapabilities {
        SandboxCapabilities::default()
    }

    async fn check(&self, spec: &SandboxSpec) -> Result<(), SandboxError> {
        paths(spec).map(drop)
    }

    async fn ready(&self, request: &SandboxRequest) -> Result<Readiness, SandboxError> {
        let place = self.place(&request.session).await?;
        place.link(CONNECT_WAIT_MS).await.ok_or_else(away)?;
        Ok(Readiness::Running)
    }

    async fn exec(
        &self,
        request: &SandboxRequest,
        asked: ExecRequest,
        sink: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError> {
        let place = self.place(&request.session).await?;
        let output = exec(&place, &paths(&request.spec)?, asked, sink).await?;
        Ok((output, Readiness::Running))
    }

    async fn exec_fate(
        &self,
        session: &SessionId,
        effect: &EffectId,
    ) -> Result<Fate<ExecOutput>, SandboxError> {
        match self.find(session).await? {
            Some(place) => fate(&place, effect).await,
            None => Ok(Fate::NotRun),
        }
    }

    async fn terminal(
        &self,
        request: &SandboxRequest,
        asked: TerminalRequest,
    ) -> Result<(Box<dyn Terminal>, Readiness), SandboxError> {
        let place = self.place(&request.session).await?;
        let mut mint = IdMint::new(place.clock.now_ms(), self.entropy.next());
        let effect = EffectId::mint(&mut mint);
        let opened = terminal::open(&place, &paths(&request.spec)?, effect, asked).await?;
        Ok((opened, Readiness::Running))
    }

    async fn code(
        &self,
        _: &SandboxRequest,
        _: CodeRequest,
        _: Option<OutputSink>,
    ) -> Result<(CodeOutput, Readiness), SandboxError> {
        Err(no_code())
    }

    async fn code_fate(
        &self,
        _: &SessionId,
        _: &EffectId,
    ) -> Result<Fate<CodeOutput>, SandboxError> {
        Ok(Fate::NotRun)
    }

    async fn read_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo, Readiness), SandboxError> {
        let place = self.place(&request.session).await?;
        let files = files(&place, request)?;
        let (bytes, info) = files.read(path, offset, limit_bytes).await?;
        Ok((bytes, info, Readiness::Running))
    }

    async fn write_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        content: Bytes,
    ) -> Result<Readiness, SandboxError> {
        let place = self.place(&request.session).await?;
        files(&place, request)?.write(path, &content).await?;
        Ok(Readiness::Running)
    }

    async fn list_files(
        &self,
        request: &SandboxRequest,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError> {
        let place = self.place(&request.session).await?;
        let listed = files(&place, request)?;
        let listed = listed.list(folder, is_recursive, after, limit_count).await?;
        Ok((listed, Readiness::Running))
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

    async fn destroy(&self, session: &SessionId) -> Result<(), SandboxError> {
        self.forget(session).await
    }

    async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        Ok(Vec::new())
    }

    fn blobs_of(&self, _: &[u8]) -> Result<NamedBlobs, SandboxError> {
        Err(SandboxError::Invalid("a self-hosted environment has no checkpoints".to_owned()))
    }
}

fn files<'a>(place: &'a Place, request: &'a SandboxRequest) -> Result<Files<'a>, SandboxError> {
    Ok(Files { place, paths: paths(&request.spec)? })
}
