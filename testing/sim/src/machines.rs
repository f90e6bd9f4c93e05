//! Machines that outlive every process, die at random, and are saved to blobs.
//!
//! Invariant: a machine runs a command once under its effect's id, however often it is asked; what it
//! ran is its workspace, which a checkpoint holds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use mainstay_core::port::{
    Checkpoint, CodeOutput, CodeRequest, Connection, ExecEnd, ExecOutput, ExecRequest, Fate,
    FileInfo, NamedBlobs, NetworkRule, OutputSink, OutputStream, Readiness, SandboxCapabilities,
    SandboxError, SandboxInfo, SandboxRequest, SandboxSpec, Sandboxes, Saved,
};
use mainstay_protocol::{EffectId, SessionId};
use mainstay_store::{MemoryStore, Store};

use crate::chance::Chance;
use crate::clock::SimClock;

/// What a machine ran, in order.
type Ran = Vec<String>;

/// A machine.
struct Machine {
    ran: Ran,
    /// Whether another was there before: what it does not know may have run in that one.
    is_second: bool,
}

/// The machines of a run.
#[derive(Clone)]
pub(crate) struct Machines {
    machines: Arc<Mutex<BTreeMap<SessionId, Machine>>>,
    /// Connections made, by session.
    connections: Arc<Mutex<BTreeMap<SessionId, u64>>>,
    store: Arc<MemoryStore>,
    chance: Chance,
    clock: SimClock,
    quiet: Arc<AtomicBool>,
}

/// The machine of every simulated session.
pub(crate) fn spec() -> SandboxSpec {
    SandboxSpec {
        tier: None,
        image: "simulated".to_owned(),
        cpus: 1,
        memory_mib: 128,
        disk_mib: 128,
        processes: 8,
        network: NetworkRule::Open,
        executor: None,
    }
}

fn broken(what: &str) -> SandboxError {
    SandboxError::Broken(what.to_owned())
}

impl Machines {
    pub(crate) fn new(
        chance: &Chance,
        clock: SimClock,
        quiet: Arc<AtomicBool>,
        store: Arc<MemoryStore>,
    ) -> Self {
        let chance = chance.named("machines");
        let (machines, connections) = (Arc::default(), Arc::default());
        Self { machines, connections, store, chance, clock, quiet }
    }

    fn strikes(&self, rate: u64) -> bool {
        self.chance.permille(rate) && !self.quiet.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Machine>> {
        self.machines.lock().expect("no code panics while it holds the machines")
    }

    fn dies(&self, session: &SessionId) {
        self.lock().remove(session);
    }

    /// What a checkpoint holds; it must be readable as long as its journal names it.
    pub(crate) async fn saved(
        store: &MemoryStore,
        session: &SessionId,
        checkpoint: &Checkpoint,
    ) -> Result<Ran, String> {
        let journal = session.as_str().into();
        let found = store.blob(&journal, &checkpoint.workspace).await;
        let bytes = found.map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or_else(|| {
            format!("{session}: the checkpoint {} cannot be read", checkpoint.workspace)
        })?;
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    }

    /// Finds the machine or makes it.
    async fn there(&self, request: &SandboxRequest) -> Result<Readiness, SandboxError> {
        if self.lock().contains_key(&request.session) {
            return Ok(Readiness::Running);
        }
        self.clock.pass(self.chance.below(50)).await;
        let ran = match &request.checkpoint {
            Some(checkpoint) => Self::saved(&self.store, &request.session, checkpoint)
                .await
                .map_err(|what| broken(&what))?,
            None => Ran::new(),
        };
        let is_first = request.checkpoint.is_none() && request.calls_since == 0;
        // Another call of the same step may have made it meanwhile, and one before it may have died
        // under a call that its journal does not know the end of.
        let has_run = self
            .connections
            .lock()
            .expect("no code panics while it holds the counts")
            .contains_key(&request.session);
        let machine = Machine { ran, is_second: !is_first || has_run };
        self.lock().entry(request.session.clone()).or_insert(machine);
        Ok(if is_first {
            Readiness::New
        } else {
            Readiness::Restored { lost_calls: request.calls_since }
        })
    }
}

#[async_trait]
impl Sandboxes for Machines {
    fn capabilities(&self) -> SandboxCapabilities {
        SandboxCapabilities::default()
    }

    async fn check(&self, _: &SandboxSpec) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn ready(&self, request: &SandboxRequest) -> Result<Readiness, SandboxError> {
        self.there(request).await
    }

    async fn exec(
        &self,
        request: &SandboxRequest,
        exec: ExecRequest,
        sink: Option<OutputSink>,
    ) -> Result<(ExecOutput, Readiness), SandboxError> {
        let readiness = self.there(request).await?;
        if self.strikes(40) {
            self.dies(&request.session);
            return Err(broken("the machine died before it ran the command"));
        }
        {
            let mut machines = self.lock();
            let Some(Machine { ran, .. }) = machines.get_mut(&request.session) else {
                return Err(broken("the machine died"));
            };
            if !ran.contains(&exec.effect.to_string()) {
                ran.push(exec.effect.to_string());
                if let Some(sink) = sink {
                    sink(OutputStream::Stdout, b"it runs");
                }
            }
        }
        *self
            .connections
            .lock()
            .expect("no code panics while it holds the counts")
            .entry(request.session.clone())
            .or_default() += 1;
        self.clock.pass(self.chance.below(200)).await;
        if self.strikes(40) {
            self.dies(&request.session);
            return Err(broken("the machine died after it ran the command"));
        }
        Ok((output(), readiness))
    }

    async fn exec_fate(
        &self,
        session: &SessionId,
        effect: &EffectId,
    ) -> Result<Fate<ExecOutput>, SandboxError> {
        let machines = self.lock();
        let Some(machine) = machines.get(session) else { return Ok(Fate::Gone) };
        Ok(match (machine.ran.contains(&effect.to_string()), machine.is_second) {
            (true, _) => Fate::Ended(output(), Readiness::Running),
            (false, true) => Fate::Gone,
            (false, false) => Fate::NotRun,
        })
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
        _: &SandboxRequest,
        _: &str,
        _: u64,
        _: usize,
    ) -> Result<(bytes::Bytes, FileInfo, Readiness), SandboxError> {
        Err(SandboxError::Invalid("there are no files".to_owned()))
    }

    async fn write_file(
        &self,
        _: &SandboxRequest,
        _: &str,
        _: bytes::Bytes,
    ) -> Result<Readiness, SandboxError> {
        Err(SandboxError::Invalid("there are no files".to_owned()))
    }

    async fn list_files(
        &self,
        _: &SandboxRequest,
        _: &str,
        _: bool,
        _: Option<&str>,
        _: usize,
    ) -> Result<(Vec<FileInfo>, Readiness), SandboxError> {
        Err(SandboxError::Invalid("there are no files".to_owned()))
    }

    async fn save(
        &self,
        session: &SessionId,
        after: u64,
        _: Option<&Checkpoint>,
    ) -> Result<Saved, SandboxError> {
        self.clock.pass(self.chance.below(100)).await;
        if self.strikes(80) {
            return Err(broken("the machine does not answer"));
        }
        if self.strikes(30) {
            self.dies(session);
        }
        let ran = self.lock().get(session).map(|machine| machine.ran.clone());
        let Some(ran) = ran else { return Ok(Saved::default()) };
        let bytes = serde_json::to_vec(&ran).expect("texts serialise");
        let kept = self.store.put_blob(&session.as_str().into(), &bytes).await;
        let workspace = kept.map_err(|error| broken(&error.to_string()))?;
        if self.strikes(20) {
            // The answer is lost: only the time limit ends this attempt.
            std::future::pending::<()>().await;
        }
        let (file_count, size_bytes) = (ran.len() as u64, bytes.len() as u64);
        let checkpoint =
            Checkpoint { workspace, file_count, size_bytes, written_bytes: size_bytes };
        let made = self.connections.lock().expect("no code panics while it holds the counts");
        let made = made.get(session).copied().unwrap_or_default();
        Ok(Saved {
            checkpoint: Some(checkpoint),
            connections: (after + 1..=made).map(connection).collect(),
        })
    }

    async fn park(&self, _: &SessionId) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn destroy(&self, session: &SessionId) -> Result<(), SandboxError> {
        self.dies(session);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        Ok(Vec::new())
    }

    fn blobs_of(&self, _: &[u8]) -> Result<NamedBlobs, SandboxError> {
        Ok(NamedBlobs::default())
    }
}

/// What a command leaves.
fn output() -> ExecOutput {
    ExecOutput {
        end: ExecEnd::Exited { code: 0 },
        stdout: bytes::Bytes::new(),
        stderr: bytes::Bytes::new(),
        stdout_omitted_bytes: 0,
        stderr_omitted_bytes: 0,
        duration_ms: 1,
    }
}

fn connection(number: u64) -> Connection {
    Connection {
        number,
        at_ms: number,
        host: "example.com".to_owned(),
        port: 443,
        refused: None,
        sent_bytes: 1,
        received_bytes: 1,
        secrets: Vec::new(),
    }
}
