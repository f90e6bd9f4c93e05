//! Machines that are a map of files.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Checkpoint, CodeOutput, CodeRequest, Connection, ExecOutput, ExecRequest, Fate, FileInfo,
    FileKind, NamedBlobs, OutputSink, Readiness, SandboxCapabilities, SandboxError, SandboxInfo,
    SandboxRequest, SandboxSetup, SandboxSpec, SandboxStatus, SandboxTier, Sandboxes, Saved,
};
use mainstay_protocol::{EffectId, SessionId};

/// Variable, placeholder and value of a secret.
type Secret = (String, String, String);
/// What a machine was asked for with.
pub(crate) type Asked = (SandboxSpec, SandboxSetup, Vec<Secret>);

/// Has every machine but microVMs.
#[derive(Default)]
pub(crate) struct FakeMachines {
    machines: Mutex<BTreeMap<SessionId, BTreeMap<String, Bytes>>>,
    asked: Mutex<Vec<Asked>>,
}

impl FakeMachines {
    fn there(&self, request: &SandboxRequest) -> Readiness {
        let secrets = request.secrets.iter().map(|secret| {
            (secret.variable.clone(), secret.placeholder.clone(), secret.value.expose().to_owned())
        });
        let asked = (request.spec.as_ref().clone(), request.setup.as_ref().clone());
        let asked = (asked.0, asked.1, secrets.collect());
        self.asked.lock().expect("no test panics with what was asked").push(asked);
        let mut machines = self.machines.lock().expect("no test panics with the machines");
        match machines.insert(request.session.clone(), BTreeMap::new()) {
            Some(files) => {
                machines.insert(request.session.clone(), files);
                Readiness::Running
            }
            None => Readiness::New,
        }
    }

    /// What machines were asked for with: the machine, its setup, and variable, placeholder and value
    /// of each secret.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics with what was asked").clone()
    }
}

#[async_trait]
impl Sandboxes for FakeMachines {
    fn capabilities(&self) -> SandboxCapabilities {
        SandboxCapabilities::default()
    }

    async fn check(&self, spec: &SandboxSpec) -> Result<(), SandboxError> {
        match spec.tier {
            Some(SandboxTier::Microvm) => {
                Err(SandboxError::Unavailable("no microVM comes up here; install qemu".to_owned()))
            }
            _ if spec.image != "default" => {
                Err(SandboxError::Invalid(format!("there is no image {:?}", spec.image)))
            }
            Some(SandboxTier::Process) | None => Ok(()),
        }
    }

    async fn ready(&self, request: &SandboxRequest) -> Result<Readiness, SandboxError> {
        Ok(self.there(request))
    }

    async fn exec(
        &self,
        _: &SandboxRequest,
        _: ExecRequest,
        _: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError> {
        Err(SandboxError::Invalid("nothing is run".to_owned()))
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
        Err(SandboxError::Invalid("nothing is run".to_owned()))
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
        Err(SandboxError::Invalid("nothing is read".to_owned()))
    }

    async fn write_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        content: Bytes,
    ) -> Result<Readiness, SandboxError> {
        let readiness = self.there(request);
        let mut machines = self.machines.lock().expect("no test panics with the machines");
        let files = machines.get_mut(&request.session).expect("it is there");
        files.insert(path.to_owned(), content);
        Ok(readiness)
    }

    async fn list_files(
        &self,
        request: &SandboxRequest,
        folder: &str,
        _: bool,
        _: Option<&str>,
        _: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError> {
        let readiness = self.there(request);
        let machines = self.machines.lock().expect("no test panics with the machines");
        let inside = machines[&request.session].iter().filter(|(path, _)| path.starts_with(folder));
        let info = |(path, content): (&String, &Bytes)| FileInfo {
            path: path.clone(),
            kind: FileKind::File,
            size_bytes: content.len() as u64,
            modified_ms: 0,
            mode: 0o644,
        };
        Ok((inside.map(info).collect(), readiness))
    }

    async fn save(
        &self,
        session: &SessionId,
        after: u64,
        _: Option<&Checkpoint>,
    ) -> Result<Saved, SandboxError> {
        let machines = self.machines.lock().expect("no test panics with the machines");
        let Some(files) = machines.get(session) else { return Ok(Saved::default()) };
        let size_bytes = files.values().map(|content| content.len() as u64).sum();
        let checkpoint = Checkpoint {
            workspace: "ab".repeat(32),
            file_count: files.len() as u64,
            size_bytes,
            written_bytes: size_bytes,
        };
        let connection = Connection {
            number: after + 1,
            at_ms: 5,
            host: "pypi.org".to_owned(),
            port: 443,
            refused: None,
            sent_bytes: 10,
            received_bytes: 20,
            secrets: vec![],
        };
        Ok(Saved { checkpoint: Some(checkpoint), connections: vec![connection] })
    }

    async fn park(&self, _: &SessionId) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn destroy(&self, session: &SessionId) -> Result<(), SandboxError> {
        self.machines.lock().expect("no test panics with the machines").remove(session);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        let machines = self.machines.lock().expect("no test panics with the machines");
        let info = |session: &SessionId| SandboxInfo {
            session: session.clone(),
            tier: SandboxTier::Process,
            driver: "fake".to_owned(),
            status: SandboxStatus::Running,
            created_at_ms: 0,
            used_at_ms: 0,
        };
        Ok(machines.keys().map(info).collect())
    }

    fn blobs_of(&self, _: &[u8]) -> Result<NamedBlobs, SandboxError> {
        Ok(NamedBlobs::default())
    }
}
