//! The real agents, workspaces and ways out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Blobs, Checkpoint, Clock, CodeOutput, CodeRequest, Connection, Entropy, ExecOutput,
    ExecRequest, Fate, FileInfo, OutputSink, SandboxError, SandboxRequest, Terminal,
    TerminalRequest,
};
use mainstay_protocol::{EffectId, SessionId};
use tokio::io::DuplexStream;
use tokio::net::UnixStream;

use super::super::egress::EgressSettings;
use super::super::workspace::{self, KnownTree, MachineTree, Shelf};
use super::super::{Gate, Generation, Hello, Machine};
use super::guest::{Connector, Guest, Introduction};
use super::tree;
use super::way_out::WaysOut;

/// A machine whose server does not come back ends itself after so long: enough for a server to be
/// restarted by whoever looks after it.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// The same of one that nobody has used, and that the next server has no use for.
const UNUSED_ORPHAN_TIMEOUT: Duration = Duration::from_secs(10);
/// Processes that interpreters need beside what was asked for.
const INTERPRETER_PROCESSES: u64 = 32;
const NS_PER_MS: u64 = 1_000_000;
const ENTROPY_WORDS: usize = 4;
const ENTROPY_WORD_BYTES: usize = 16;

/// What real connections are made with.
pub struct LinkParts {
    /// Where workspaces are saved.
    pub blobs: Arc<dyn Blobs>,
    /// The way out.
    pub egress: Arc<EgressSettings>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for machines too.
    pub entropy: Arc<dyn Entropy>,
}

/// Connects to real agents.
pub struct AgentConnector {
    parts: LinkParts,
    ways: WaysOut,
}

impl AgentConnector {
    /// Records of connections go to the folder of machines.
    #[must_use]
    pub fn new(machines: &Path, parts: LinkParts) -> Self {
        Self { ways: WaysOut::new(machines, Arc::clone(&parts.egress)), parts }
    }

    /// What a machine is told whose calls are not a session's.
    fn bare_hello(&self, orphan_timeout: Duration) -> Hello {
        let mut entropy = [0; ENTROPY_WORDS * ENTROPY_WORD_BYTES];
        for word in entropy.chunks_mut(ENTROPY_WORD_BYTES) {
            word.copy_from_slice(&self.parts.entropy.next().to_le_bytes());
        }
        Hello {
            env: BTreeMap::new(),
            ca_pem: None,
            now_unix_ns: self.parts.clock.now_ms().saturating_mul(NS_PER_MS),
            entropy,
            processes: None,
            orphan_timeout,
        }
    }

    fn hello(&self, request: &SandboxRequest, ca_pem: String) -> Hello {
        let processes = u64::from(request.spec.processes).saturating_add(INTERPRETER_PROCESSES);
        Hello {
            env: variables(request),
            ca_pem: Some(ca_pem),
            processes: Some(processes),
            ..self.bare_hello(ORPHAN_TIMEOUT)
        }
    }
}

/// The variables of a session's commands: its environment's, and placeholders in the place of secrets.
fn variables(request: &SandboxRequest) -> BTreeMap<String, String> {
    let mut env = request.setup.env.clone();
    for secret in request.secrets.iter() {
        env.insert(secret.variable.clone(), secret.placeholder.clone());
    }
    env
}

#[async_trait]
impl Connector for AgentConnector {
    async fn connect(
        &self,
        stream: UnixStream,
        introduction: Introduction,
    ) -> Result<Arc<dyn Guest>, SandboxError> {
        let session = introduction.session().cloned();
        let (hello, gate): (Hello, Arc<dyn Gate>) = match &introduction {
            Introduction::Session(request) => {
                let (gate, ca_pem) = self.ways.open(request)?;
                (self.hello(request, ca_pem), gate)
            }
            Introduction::Caretaker(session) => {
                (self.bare_hello(ORPHAN_TIMEOUT), self.ways.gate(session)?)
            }
            Introduction::Nobody => (self.bare_hello(UNUSED_ORPHAN_TIMEOUT), Arc::new(Shut)),
        };
        let machine = Arc::new(Machine::connect(stream, hello, gate).await?);
        Ok(Arc::new(MachineGuest {
            machine,
            session,
            blobs: Arc::clone(&self.parts.blobs),
            memory: tokio::sync::Mutex::default(),
        }))
    }

    async fn introduce(
        &self,
        guest: &dyn Guest,
        request: &SandboxRequest,
    ) -> Result<(), SandboxError> {
        let (_, ca_pem) = self.ways.open(request)?;
        guest.configure(self.hello(request, ca_pem)).await
    }

    fn refresh(&self, request: &SandboxRequest) {
        // A rule that cannot be read was refused when the session was made; the connection says so too.
        if let Err(error) = self.ways.open(request) {
            tracing::warn!(%error, session = %request.session, "a machine has no way out");
        }
    }

    fn connections(
        &self,
        session: &SessionId,
        after: u64,
    ) -> Result<Vec<Connection>, SandboxError> {
        self.ways.connections(session, after)
    }

    fn blobs(&self) -> Option<&dyn Blobs> {
        Some(self.parts.blobs.as_ref())
    }

    fn forget(&self, session: &SessionId) {
        self.ways.forget(session);
    }
}

/// Nothing leaves a machine that has no session.
struct Shut;

impl Gate for Shut {
    fn open(&self, _: DuplexStream) {}
}

/// One real machine.
struct MachineGuest {
    machine: Arc<Machine>,
    /// None of one that waits for a session.
    session: Option<SessionId>,
    blobs: Arc<dyn Blobs>,
    memory: tokio::sync::Mutex<Memory>,
}

/// What is known of the workspace.
#[derive(Default)]
struct Memory {
    tree: KnownTree,
    /// The scan that it is known from.
    generation: Option<Generation>,
}

impl MachineGuest {
    fn session(&self) -> Result<&SessionId, SandboxError> {
        let nobody = || SandboxError::Broken("it belongs to no session".to_owned());
        self.session.as_ref().ok_or_else(nobody)
    }

    fn shelf(&self) -> Result<Shelf<'_>, SandboxError> {
        Ok(Shelf::new(self.blobs.as_ref(), self.session()?))
    }
}

#[async_trait]
impl Guest for MachineGuest {
    async fn exec(
        &self,
        exec: ExecRequest,
        sink: Option<OutputSink>,
    ) -> Result<ExecOutput, SandboxError> {
        self.machine.exec(exec, sink).await
    }

    async fn configure(&self, hello: Hello) -> Result<(), SandboxError> {
        self.machine.configure(hello).await
    }

    async fn exec_fate(&self, effect: &EffectId) -> Result<Fate<ExecOutput>, SandboxError> {
        self.machine.exec_fate(effect).await
    }

    async fn code(
        &self,
        code: CodeRequest,
        sink: Option<OutputSink>,
    ) -> Result<CodeOutput, SandboxError> {
        self.machine.code(code, sink).await
    }

    async fn code_fate(&self, effect: &EffectId) -> Result<Fate<CodeOutput>, SandboxError> {
        self.machine.code_fate(effect).await
    }

    async fn terminal(&self, terminal: TerminalRequest) -> Result<Box<dyn Terminal>, SandboxError> {
        Ok(Box::new(self.machine.terminal(terminal).await?))
    }

    async fn read_file(
        &self,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo), SandboxError> {
        self.machine.read_file(path, offset, limit_bytes).await
    }

    async fn write_file(&self, path: &str, content: Bytes) -> Result<(), SandboxError> {
        self.machine.write_file(path, content, None).await.map(drop)
    }

    async fn list_files(
        &self,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<Vec<FileInfo>, SandboxError> {
        self.machine.list_files(folder, is_recursive, after, limit_count).await
    }

    async fn restore(&self, checkpoint: &Checkpoint) -> Result<(), SandboxError> {
        let mut memory = self.memory.lock().await;
        let into = MachineTree::new(&self.machine);
        let tree = workspace::restore(checkpoint, self.shelf()?, &into).await?;
        *memory = Memory { tree, generation: None };
        Ok(())
    }

    async fn files_to(&self, blobs: &dyn Blobs) -> Result<Checkpoint, SandboxError> {
        let scan = tree::scan(self.machine.scan(None).await?)?;
        let source = MachineTree::new(&self.machine);
        let shelf = Shelf::new(blobs, self.session()?);
        Ok(workspace::save(&mut KnownTree::default(), &scan, &source, shelf).await?)
    }

    async fn files_from(
        &self,
        blobs: &dyn Blobs,
        checkpoint: &Checkpoint,
    ) -> Result<(), SandboxError> {
        let into = MachineTree::new(&self.machine);
        let shelf = Shelf::new(blobs, self.session()?);
        Ok(workspace::restore(checkpoint, shelf, &into).await.map(drop)?)
    }

    async fn warm(&self) {
        self.machine.warm_up().await;
    }

    async fn save(&self, last: Option<&Checkpoint>) -> Result<Checkpoint, SandboxError> {
        let mut memory = self.memory.lock().await;
        let root = |checkpoint: &Checkpoint| checkpoint.workspace.clone();
        if memory.tree.checkpoint().map(root) != last.map(root) {
            *memory = Memory::default();
            if let Some(last) = last {
                match workspace::load(last, self.shelf()?).await {
                    Ok(tree) => memory.tree = tree,
                    // Then everything is written again.
                    Err(error) => tracing::warn!(%error, "a checkpoint cannot be read"),
                }
            }
        }
        let found = self.machine.scan(memory.generation).await?;
        let generation = found.generation;
        let scan = tree::scan(found)?;
        let source = MachineTree::new(&self.machine);
        // After a failure the changes of this scan were not remembered: then all is looked at again.
        memory.generation = None;
        let Memory { tree, .. } = &mut *memory;
        let checkpoint = workspace::save(tree, &scan, &source, self.shelf()?).await?;
        memory.generation = Some(generation);
        Ok(checkpoint)
    }

    fn is_closed(&self) -> bool {
        self.machine.is_closed()
    }
}
