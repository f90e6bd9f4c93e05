//! Agents that are counters: what they are asked is noted, and answered as the world says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Blobs, Checkpoint, CodeOutput, CodeRequest, Connection, ExecEnd, ExecOutput, ExecRequest, Fate,
    FileInfo, OutputSink, Readiness, SandboxError, SandboxRequest,
};
use mainstay_protocol::{EffectId, SessionId};
use tokio::net::UnixStream;

use super::support::{World, checkpoint};
use crate::sandbox::Hello;
use crate::sandbox::hub::{Connector, Guest, Introduction};

pub(super) struct FakeConnector(pub(super) Arc<World>);

struct FakeGuest {
    world: Arc<World>,
    is_closed: AtomicBool,
}

#[async_trait]
impl Connector for FakeConnector {
    async fn connect(
        &self,
        _: UnixStream,
        introduction: Introduction,
    ) -> Result<Arc<dyn Guest>, SandboxError> {
        match introduction {
            Introduction::Session(_) => {}
            Introduction::Caretaker(_) => self.0.note("as caretaker".to_owned()),
            Introduction::Nobody => self.0.note("for nobody".to_owned()),
        }
        Ok(Arc::new(FakeGuest { world: Arc::clone(&self.0), is_closed: AtomicBool::new(false) }))
    }

    async fn introduce(&self, guest: &dyn Guest, _: &SandboxRequest) -> Result<(), SandboxError> {
        let hello = Hello {
            env: BTreeMap::new(),
            ca_pem: None,
            now_unix_ns: 0,
            entropy: [0; 64],
            processes: None,
            orphan_timeout: Duration::ZERO,
        };
        guest.configure(hello).await
    }

    fn refresh(&self, _: &SandboxRequest) {}

    fn connections(&self, _: &SessionId, _: u64) -> Result<Vec<Connection>, SandboxError> {
        Ok(Vec::new())
    }

    fn forget(&self, session: &SessionId) {
        self.0.note(format!("forget {session}"));
    }
}

fn output(end: ExecEnd) -> ExecOutput {
    ExecOutput {
        end,
        stdout: Bytes::new(),
        stderr: Bytes::from_static(b"why"),
        stdout_omitted_bytes: 0,
        stderr_omitted_bytes: 0,
        duration_ms: 1,
    }
}

#[async_trait]
impl Guest for FakeGuest {
    async fn exec(
        &self,
        exec: ExecRequest,
        _: Option<OutputSink>,
    ) -> Result<ExecOutput, SandboxError> {
        let command = exec.argv.join(" ");
        self.world.note(format!("exec {command}"));
        if command == "wait" {
            self.world.waits.add_permits(1);
            self.world.go_on.acquire().await.expect("never closed").forget();
        }
        if self.world.breaks.swap(false, Ordering::SeqCst) {
            self.is_closed.store(true, Ordering::SeqCst);
            return Err(SandboxError::Broken("told to".to_owned()));
        }
        if self.world.kills_next.swap(false, Ordering::SeqCst) {
            self.world.memory_kills.fetch_add(1, Ordering::SeqCst);
        }
        // What the agent takes for the end.
        Ok(output(match command.as_str() {
            "killed" => ExecEnd::Signalled { signal: 9 },
            "shell of killed" => ExecEnd::Exited { code: 137 },
            "taken for a victim" => ExecEnd::OutOfMemory,
            _ => ExecEnd::Exited { code: i32::from(command.contains("fail")) },
        }))
    }

    async fn exec_fate(&self, _: &EffectId) -> Result<Fate<ExecOutput>, SandboxError> {
        Ok(match self.world.knows_fates.load(Ordering::SeqCst) {
            true => Fate::Ended(output(ExecEnd::Exited { code: 0 }), Readiness::Running),
            false => Fate::NotRun,
        })
    }

    async fn code(
        &self,
        _: CodeRequest,
        _: Option<OutputSink>,
    ) -> Result<CodeOutput, SandboxError> {
        unreachable!("no test runs code")
    }

    async fn code_fate(&self, _: &EffectId) -> Result<Fate<CodeOutput>, SandboxError> {
        Ok(Fate::NotRun)
    }

    async fn read_file(
        &self,
        path: &str,
        _: u64,
        _: usize,
    ) -> Result<(Bytes, FileInfo), SandboxError> {
        Err(SandboxError::Invalid(format!("there is no {path}")))
    }

    async fn write_file(&self, path: &str, content: Bytes) -> Result<(), SandboxError> {
        self.world.note(format!("write {path}: {}", String::from_utf8_lossy(&content)));
        Ok(())
    }

    async fn list_files(
        &self,
        _: &str,
        _: bool,
        _: Option<&str>,
        _: usize,
    ) -> Result<Vec<FileInfo>, SandboxError> {
        Ok(Vec::new())
    }

    async fn restore(&self, checkpoint: &Checkpoint) -> Result<(), SandboxError> {
        self.world.note(format!("restore {}", checkpoint.workspace));
        Ok(())
    }

    async fn files_to(&self, _: &dyn Blobs) -> Result<Checkpoint, SandboxError> {
        self.world.note("give files".to_owned());
        Ok(checkpoint("given"))
    }

    async fn files_from(&self, _: &dyn Blobs, files: &Checkpoint) -> Result<(), SandboxError> {
        self.world.note(format!("take {}", files.workspace));
        Ok(())
    }

    async fn warm(&self) {
        self.world.note("warm".to_owned());
    }

    async fn save(&self, _: Option<&Checkpoint>) -> Result<Checkpoint, SandboxError> {
        self.world.note("save".to_owned());
        Ok(checkpoint("saved"))
    }

    async fn configure(&self, _: Hello) -> Result<(), SandboxError> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }
}
