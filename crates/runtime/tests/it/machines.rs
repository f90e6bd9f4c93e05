//! Machines that are a map of files, kept in memory and saved as blobs: a root that names a blob for
//! each file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Blobs, Checkpoint, CodeOutput, CodeRequest, Connection, ExecEnd, ExecOutput, ExecRequest, Fate,
    FileInfo, FileKind, NamedBlobs, OutputSink, Readiness, SandboxCapabilities, SandboxError,
    SandboxInfo, SandboxRequest, SandboxSpec, SandboxStatus, SandboxTier, Sandboxes, Saved,
};
use mainstay_protocol::{EffectId, SessionId};

type Files = BTreeMap<String, Bytes>;

/// What a root begins with.
const ROOT: &str = "root\n";

#[derive(Default)]
pub(crate) struct FakeSandboxes {
    pub(crate) machines: Mutex<BTreeMap<SessionId, Files>>,
    pub(crate) blobs: OnceLock<Arc<dyn Blobs>>,
    /// How machines came to be there.
    pub(crate) asked: Mutex<Vec<Readiness>>,
    pub(crate) destroyed: Mutex<Vec<SessionId>>,
    /// How many attempts to save fail, and how many to destroy.
    pub(crate) failures: Mutex<(u32, u32)>,
    saved_count: Mutex<u64>,
}

fn taken(count: &mut u32) -> bool {
    let is_some = *count > 0;
    *count = count.saturating_sub(1);
    is_some
}

impl FakeSandboxes {
    fn blobs(&self) -> &Arc<dyn Blobs> {
        self.blobs.get().expect("the bench gave blobs")
    }

    async fn get(&self, session: &SessionId, hash: &str) -> Bytes {
        let found = self.blobs().get(session, hash).await.expect("answers");
        found.unwrap_or_else(|| panic!("the blob {hash} of {session} is gone"))
    }

    async fn restored(&self, session: &SessionId, checkpoint: &Checkpoint) -> Files {
        let root = self.get(session, &checkpoint.workspace).await;
        let text = String::from_utf8(root.to_vec()).expect("a text");
        let mut files = Files::new();
        for line in text.lines().skip(1) {
            let (hash, path) = line.split_once(' ').expect("a hash and a path");
            files.insert(path.to_owned(), self.get(session, hash).await);
        }
        files
    }

    async fn machine(&self, request: &SandboxRequest) -> Readiness {
        let is_there = self.machines.lock().expect("no panic").contains_key(&request.session);
        let readiness = if is_there {
            Readiness::Running
        } else {
            let (files, readiness) = match &request.checkpoint {
                Some(checkpoint) => {
                    let files = self.restored(&request.session, checkpoint).await;
                    (files, Readiness::Restored { lost_calls: request.calls_since })
                }
                None if request.calls_since > 0 => {
                    (Files::new(), Readiness::Restored { lost_calls: request.calls_since })
                }
                None => (Files::new(), Readiness::New),
            };
            self.machines.lock().expect("no panic").insert(request.session.clone(), files);
            readiness
        };
        self.asked.lock().expect("no panic").push(readiness);
        readiness
    }

    pub(crate) fn files(&self, session: &SessionId) -> Option<Vec<String>> {
        let machines = self.machines.lock().expect("no panic");
        machines.get(session).map(|files| files.keys().cloned().collect())
    }

    /// The machine dies.
    pub(crate) fn lose(&self, session: &SessionId) {
        self.machines.lock().expect("no panic").remove(session);
    }
}

#[async_trait]
impl Sandboxes for FakeSandboxes {
    fn capabilities(&self) -> SandboxCapabilities {
        SandboxCapabilities::default()
    }

    async fn check(&self, spec: &SandboxSpec) -> Result<(), SandboxError> {
        match spec.tier {
            Some(SandboxTier::Microvm) => Err(SandboxError::Unavailable("no microVM".to_owned())),
            Some(SandboxTier::Process) | None => Ok(()),
        }
    }

    async fn ready(&self, request: &SandboxRequest) -> Result<Readiness, SandboxError> {
        Ok(self.machine(request).await)
    }

    async fn exec(
        &self,
        request: &SandboxRequest,
        exec: ExecRequest,
        _: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError> {
        let readiness = self.machine(request).await;
        let path = format!("/workspace/{}", exec.effect);
        let content = Bytes::from(exec.argv.join(" "));
        let mut machines = self.machines.lock().expect("no panic");
        machines.get_mut(&request.session).expect("made").insert(path, content);
        let output = ExecOutput {
            end: ExecEnd::Exited { code: 0 },
            stdout: Bytes::from("ran"),
            stderr: Bytes::new(),
            stdout_omitted_bytes: 0,
            stderr_omitted_bytes: 0,
            duration_ms: 1,
        };
        Ok((output, readiness))
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
        Err(SandboxError::Invalid("there is no interpreter".to_owned()))
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
        request: &SandboxRequest,
        path: &str,
        _: u64,
        _: usize,
    ) -> Result<(Bytes, FileInfo, Readiness), SandboxError> {
        let readiness = self.machine(request).await;
        let machines = self.machines.lock().expect("no panic");
        let found = machines[&request.session].get(path).cloned();
        let content = found.ok_or_else(|| SandboxError::Invalid(format!("no file {path}")))?;
        Ok((content.clone(), info(path, content.len()), readiness))
    }

    async fn write_file(
        &self,
        request: &SandboxRequest,
        path: &str,
        content: Bytes,
    ) -> Result<Readiness, SandboxError> {
        let readiness = self.machine(request).await;
        let mut machines = self.machines.lock().expect("no panic");
        machines.get_mut(&request.session).expect("made").insert(path.to_owned(), content);
        Ok(readiness)
    }

    async fn list_files(
        &self,
        request: &SandboxRequest,
        _: &str,
        _: bool,
        _: Option<&str>,
        _: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError> {
        let readiness = self.machine(request).await;
        let machines = self.machines.lock().expect("no panic");
        let files = machines[&request.session].iter();
        Ok((files.map(|(path, content)| info(path, content.len())).collect(), readiness))
    }

    async fn save(
        &self,
        session: &SessionId,
        after: u64,
        _: Option<&Checkpoint>,
    ) -> Result<Saved, SandboxError> {
        if taken(&mut self.failures.lock().expect("no panic").0) {
            return Err(SandboxError::Broken("it does not answer".to_owned()));
        }
        let files = self.machines.lock().expect("no panic").get(session).cloned();
        let Some(files) = files else { return Ok(Saved::default()) };
        let (mut root, mut size_bytes) = (ROOT.to_owned(), 0);
        for (path, content) in &files {
            size_bytes += content.len() as u64;
            let hash = self.blobs().put(session, content.clone()).await;
            let hash = hash.map_err(|error| SandboxError::Broken(error.to_string()))?;
            root.push_str(&format!("{hash} {path}\n"));
        }
        let workspace = self.blobs().put(session, Bytes::from(root)).await;
        let workspace = workspace.map_err(|error| SandboxError::Broken(error.to_string()))?;
        let number = {
            let mut saved_count = self.saved_count.lock().expect("no panic");
            *saved_count += 1;
            after + 1
        };
        let file_count = files.len() as u64;
        let checkpoint =
            Checkpoint { workspace, file_count, size_bytes, written_bytes: size_bytes };
        let connection = Connection {
            number,
            at_ms: 1,
            host: "example.com".to_owned(),
            port: 443,
            refused: None,
            sent_bytes: 1,
            received_bytes: 1,
            secrets: Vec::new(),
        };
        Ok(Saved { checkpoint: Some(checkpoint), connections: vec![connection] })
    }

    async fn park(&self, _: &SessionId) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn destroy(&self, session: &SessionId) -> Result<(), SandboxError> {
        if taken(&mut self.failures.lock().expect("no panic").1) {
            return Err(SandboxError::Broken("it does not answer".to_owned()));
        }
        self.lose(session);
        self.destroyed.lock().expect("no panic").push(session.clone());
        Ok(())
    }

    async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        let machines = self.machines.lock().expect("no panic");
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

    fn blobs_of(&self, blob: &[u8]) -> Result<NamedBlobs, SandboxError> {
        let text = String::from_utf8_lossy(blob);
        let Some(lines) = text.strip_prefix(ROOT) else { return Ok(NamedBlobs::default()) };
        let hashes = lines.lines().filter_map(|line| line.split_once(' '));
        let leaves = hashes.map(|(hash, _)| hash.to_owned()).collect();
        Ok(NamedBlobs { inner: Vec::new(), leaves })
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
