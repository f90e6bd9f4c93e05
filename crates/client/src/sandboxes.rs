//! Sandboxes: the machines of sessions, for whoever operates them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::ClientError;
use crate::feed::Parser;
use crate::http::{Client, segment};
use crate::object::{Page, Said};

/// A sandbox.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sandbox {
    /// The id of its session.
    pub id: String,
    /// `absent`, `running`, `parked`; of a self-hosted one `pending`, `connected`, `disconnected`.
    pub status: String,
    /// `microvm` or `process`; none where there is no machine.
    #[serde(default)]
    pub tier: Option<String>,
    /// What keeps it.
    #[serde(default)]
    pub driver: Option<String>,
    /// When the machine was made, Unix seconds.
    #[serde(default)]
    pub created_at: Option<u64>,
    /// When it was used last.
    #[serde(default)]
    pub used_at: Option<u64>,
    /// What was saved last.
    #[serde(default)]
    pub checkpoint: Option<SavedWorkspace>,
    /// Calls whose work is not saved.
    #[serde(default)]
    pub unsaved_calls: u32,
}

/// A saved workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SavedWorkspace {
    /// The entry that brought it.
    pub seq: u64,
    /// How many files it has.
    pub file_count: u64,
    /// Their size together.
    pub size_bytes: u64,
}

/// A checkpoint of a session's journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Checkpoint {
    /// Its id, for `restore`.
    pub id: String,
    /// Its entry, for `fork`.
    pub seq: u64,
    /// When it was made, Unix seconds.
    pub created_at: u64,
    /// The root of what was saved; none when there was no machine.
    #[serde(default)]
    pub workspace: Option<String>,
    /// How many files it has.
    #[serde(default)]
    pub file_count: u64,
    /// Their size together.
    #[serde(default)]
    pub size_bytes: u64,
    /// How much was new in it.
    #[serde(default)]
    pub written_bytes: u64,
    /// Whether it can be restored still.
    #[serde(default)]
    pub kept: bool,
}

/// Which sandboxes to list.
#[derive(Debug, Clone, Default)]
pub struct ListSandboxes {
    /// Those that do this alone.
    pub status: Option<String>,
    /// Those kept apart like this alone.
    pub tier: Option<String>,
    /// Behind this one.
    pub after: Option<String>,
}

/// The end of one log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SandboxLog {
    /// Where it comes from.
    pub name: String,
    /// Its end.
    pub text: String,
    /// How much before that is left out.
    pub omitted_bytes: u64,
}

/// A command to run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewExec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Working folder; the workspace when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Variables beside the machine's own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// What it reads from standard input.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stdin: String,
    /// Bound on its run time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// What a command left.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExecDone {
    /// `exited`, `signalled`, `timed_out` or `out_of_memory`.
    pub end: String,
    /// Its exit code, when it exited.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Standard output, its first and last half when something is left out.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
    /// How much of standard output is left out.
    pub stdout_omitted_bytes: u64,
    /// How much of standard error is left out.
    pub stderr_omitted_bytes: u64,
    /// Wall time.
    pub duration_ms: u64,
}

/// What happens to a command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type")]
pub enum ExecEvent {
    /// It begins.
    #[serde(rename = "sandbox.exec.begun")]
    Begun {
        /// Names it in the journal.
        id: String,
    },
    /// It printed something.
    #[serde(rename = "sandbox.exec.output")]
    Output {
        /// `stdout` or `stderr`.
        stream: String,
        /// The text.
        delta: String,
    },
    /// It ended.
    #[serde(rename = "sandbox.exec.ended")]
    Ended {
        /// What it left.
        exec: ExecDone,
    },
    /// It could not be run, or what became of it is not known.
    #[serde(rename = "error")]
    Error {
        /// Why.
        error: ExecError,
    },
    /// Something that this client does not know.
    #[serde(other)]
    Other,
}

/// Why a command has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExecError {
    /// In words.
    pub message: String,
}

/// A command under way; dropping it ends it.
pub struct RunningExec {
    client: Client,
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    parser: Parser,
}

impl RunningExec {
    /// The next event; none when the server said all.
    pub async fn next(&mut self) -> Result<Option<ExecEvent>, ClientError> {
        loop {
            if let Some(frame) = self.parser.next() {
                let event = serde_json::from_str(&frame.data);
                return event.map(Some).map_err(|error| ClientError::Broken {
                    what: "an event of a command is not one".to_owned(),
                    source: Some(error.into()),
                });
            }
            match self.bytes.next().await {
                Some(Ok(bytes)) => self.parser.push(&bytes).map_err(|_| ClientError::Broken {
                    what: "an event of a command is longer than the limit".to_owned(),
                    source: None,
                })?,
                Some(Err(error)) => return Err(self.client.lost(error)),
                None => return Ok(None),
            }
        }
    }
}

impl Client {
    /// A page of the machines that there are, newest session first.
    pub async fn sandboxes(
        &self,
        which: &ListSandboxes,
    ) -> Result<Page<Said<Sandbox>>, ClientError> {
        let mut query = Page::<Said<Sandbox>>::query(which.after.as_deref());
        let filters = [("status", &which.status), ("tier", &which.tier)];
        for (name, value) in filters {
            query.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        self.get("/v1/sandboxes", &query).await
    }

    /// One sandbox, also where there is no machine now.
    pub async fn sandbox(&self, id: &str) -> Result<Said<Sandbox>, ClientError> {
        self.get(&path(id)?, &[]).await
    }

    /// Runs a command in the machine, which is made if it is not there.
    pub async fn exec(&self, id: &str, exec: &NewExec) -> Result<RunningExec, ClientError> {
        let mut body = serde_json::to_value(exec).expect("texts and numbers serialise");
        body["stream"] = true.into();
        let request = self.request(Method::POST, &format!("{}/exec", path(id)?)).json(&body);
        let response = self.send(request.header(ACCEPT, "text/event-stream")).await?;
        let bytes = response.bytes_stream().boxed();
        Ok(RunningExec { client: self.clone(), bytes, parser: Parser::default() })
    }

    /// The ends of the machine's logs, at most this much of each.
    pub async fn sandbox_logs(
        &self,
        id: &str,
        limit_bytes: u64,
    ) -> Result<Vec<Said<SandboxLog>>, ClientError> {
        let query = [("limit_bytes".to_owned(), limit_bytes.to_string())];
        let page: Page<Said<SandboxLog>> = self.get(&format!("{}/logs", path(id)?), &query).await?;
        Ok(page.data)
    }

    /// Puts the machine away.
    pub async fn park_sandbox(&self, id: &str) -> Result<Said<Sandbox>, ClientError> {
        self.post(&format!("{}/park", path(id)?), &json!({})).await
    }

    /// Sets the workspace back to a checkpoint.
    pub async fn restore_sandbox(
        &self,
        id: &str,
        checkpoint: &str,
    ) -> Result<Said<Sandbox>, ClientError> {
        let body = json!({ "checkpoint": checkpoint });
        self.post(&format!("{}/restore", path(id)?), &body).await
    }

    /// Ends the machine.
    pub async fn remove_sandbox(&self, id: &str) -> Result<Said<Sandbox>, ClientError> {
        self.json(self.request(Method::DELETE, &path(id)?)).await
    }

    /// Saves the machine's workspace.
    pub async fn checkpoint(&self, session: &str) -> Result<Said<Checkpoint>, ClientError> {
        self.post(&checkpoints(session)?, &json!({})).await
    }

    /// A page of a session's checkpoints, newest first.
    pub async fn checkpoints(
        &self,
        session: &str,
        after: Option<&str>,
    ) -> Result<Page<Said<Checkpoint>>, ClientError> {
        self.get(&checkpoints(session)?, &Page::<Said<Checkpoint>>::query(after)).await
    }
}

pub(crate) fn path(id: &str) -> Result<String, ClientError> {
    Ok(format!("/v1/sandboxes/{}", segment(id)?))
}

fn checkpoints(session: &str) -> Result<String, ClientError> {
    Ok(format!("/v1/agents/sessions/{}/checkpoints", segment(session)?))
}
