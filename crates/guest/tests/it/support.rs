//! An agent in a sandbox of its own, and a connection to it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mainstay_adapters::sandbox::{Gate, Hello, Machine};
use mainstay_core::port::{ExecOutput, ExecRequest};
use mainstay_protocol::{EffectId, IdMint};
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::net::UnixStream;

pub(crate) const AGENT: &str = env!("CARGO_BIN_EXE_mainstay-guest");

/// The agent as the first process of a sandbox; it ends with this value.
pub(crate) struct Guest {
    child: Child,
    folder: TempDir,
}

impl Guest {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().expect("make a folder");
        std::fs::create_dir(folder.path().join("workspace")).expect("make the workspace");
        let listener = UnixListener::bind(folder.path().join("agent.sock")).expect("listen");
        let child = Command::new("bwrap")
            .args([
                "--unshare-all",
                "--uid",
                "1000",
                "--gid",
                "1000",
                "--as-pid-1",
                "--die-with-parent",
            ])
            .args(
                ["/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"]
                    .iter()
                    .flat_map(|path| ["--ro-bind-try", path, path]),
            )
            .args(["--proc", "/proc", "--dev", "/dev"])
            .args(["--tmpfs", "/tmp", "--tmpfs", "/run"])
            .arg("--bind")
            .arg(folder.path().join("workspace"))
            .args(["/workspace", "--ro-bind", AGENT, "/run/agent", "--chdir", "/workspace"])
            .args(["/run/agent", "--listen-fd", "0"])
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .spawn()
            .expect("start bwrap; install bubblewrap if it is missing");
        Self { child, folder }
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    pub(crate) async fn connect(&self) -> Machine {
        connect(&self.socket(), Arc::new(Shut)).await
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn connect(socket: &Path, gate: Arc<dyn Gate>) -> Machine {
    connect_as(socket, hello(), gate).await
}

pub(crate) async fn connect_as(socket: &Path, hello: Hello, gate: Arc<dyn Gate>) -> Machine {
    let stream = UnixStream::connect(socket).await.expect("connect");
    Machine::connect(stream, hello, gate).await.expect("greet")
}

pub(crate) fn hello() -> Hello {
    Hello {
        env: [("GREETING".to_owned(), "hello".to_owned())].into(),
        ca_pem: None,
        now_unix_ns: 0,
        entropy: [7; 64],
        processes: None,
        orphan_timeout: Duration::ZERO,
    }
}

/// Refuses every connection.
pub(crate) struct Shut;

impl Gate for Shut {
    fn open(&self, _io: DuplexStream) {}
}

pub(crate) fn command(effect: &str, argv: &[&str]) -> ExecRequest {
    ExecRequest {
        effect: effect_id(effect),
        argv: argv.iter().map(|&text| text.to_owned()).collect(),
        cwd: "/workspace".to_owned(),
        env: [].into(),
        stdin: Bytes::new(),
        timeout_ms: 20_000,
        output_limit_bytes: 64 * 1024,
    }
}

pub(crate) fn shell(effect: &str, script: &str) -> ExecRequest {
    command(effect, &["sh", "-c", script])
}

/// Each name another id, the same name the same.
pub(crate) fn effect_id(name: &str) -> EffectId {
    let number = name.bytes().fold(7_u128, |sum, byte| sum.wrapping_mul(257) + u128::from(byte));
    EffectId::mint(&mut IdMint::new(1, number))
}

/// How it ended, and what it wrote.
pub(crate) fn shown(output: &ExecOutput) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?} [{}] [{}]", output.end, text(&output.stdout), text(&output.stderr))
}
