//! A folder, a scripted model, and the binary in between.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use mainstay_it::harness::{Server, Setup};
use mainstay_it::model_server::{Script, ScriptedServer, Step};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// Bound on whatever a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A home, and nothing else: no server, no model.
pub(crate) struct Home {
    folder: TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file in the folder");
        path.display().to_string()
    }

    /// A command with this environment and no other.
    pub(crate) fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("COLUMNS", "100")
            .envs(environment.iter().copied())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        said(self.command(arguments, environment), "")
            .await
            .without(&self.path("").to_string_lossy())
    }
}

impl Said {
    /// Everything, as a snapshot shows it.
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("exit code {}\n", self.code.unwrap_or(-1));
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                let _ = write!(text, "--- {name}\n{stream}");
            }
        }
        text
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// Each line of stdout as JSON.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).expect("each line is JSON");
        self.stdout.lines().map(parse).collect()
    }

    fn without(mut self, folder: &str) -> Self {
        let folder = folder.trim_end_matches('/');
        self.stdout = self.stdout.replace(folder, "[HOME]");
        self.stderr = self.stderr.replace(folder, "[HOME]");
        self
    }
}

/// Runs a command to its end.
pub(crate) async fn said(mut command: Command, input: &str) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it has an input");
    // A command that does not read closes the pipe.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let ended = timeout(PATIENCE, child.wait_with_output()).await;
    let Output { status, stdout, stderr } = ended.expect("the command ends").expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    Said { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// A server with a scripted model.
pub(crate) struct World {
    pub(crate) setup: Setup,
    _scripted: ScriptedServer,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let scripted = ScriptedServer::start().await.expect("the scripted server");
        let mut setup = Setup::new(folder.path(), &scripted.url).await.expect("a key");
        let default = ("MAINSTAY_SERVER__DEFAULT_MODEL".to_owned(), "scripted".to_owned());
        setup.environment.push(default);
        Self { setup, _scripted: scripted, folder }
    }

    pub(crate) async fn start(&self) -> Server {
        Server::start(&self.setup).await.expect("the server starts")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        self.type_in(arguments, "").await
    }

    /// A command with this on its stdin.
    pub(crate) async fn type_in(&self, arguments: &[&str], input: &str) -> Said {
        let said = said(self.setup.command(arguments), input).await;
        said.without(&self.folder.path().to_string_lossy())
    }

    /// A command that must work; what it printed, without the line's end.
    pub(crate) async fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments).await;
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.stderr);
        said.stdout.trim_end().to_owned()
    }

    /// An agent whose client runs the function `lookup`.
    pub(crate) async fn agent_with_function(&self) -> String {
        let file = self.path("agent.json");
        std::fs::write(&file, AGENT_WITH_FUNCTION).expect("a file in the folder");
        self.ok(&["agents", "create", "--file", &file.to_string_lossy()]).await
    }

    /// The newest session.
    pub(crate) async fn newest_session(&self) -> String {
        let said = self.run(&["sessions", "list", "--json", "--limit", "1"]).await;
        said.json_lines()[0]["id"].as_str().expect("sessions have ids").to_owned()
    }
}

const AGENT_WITH_FUNCTION: &str = r#"{
  "model": "scripted", "name": "clerk",
  "tools": [{
    "type": "function", "name": "lookup", "description": "Looks a person up.",
    "parameters": {
      "type": "object", "properties": {"id": {"type": "integer"}},
      "required": ["id"], "additionalProperties": false
    }
  }]
}"#;

/// The message that makes a model go through these steps.
pub(crate) fn script(steps: Vec<Step>) -> String {
    Script::new(steps).to_message()
}
