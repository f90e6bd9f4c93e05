//! QEMU's control channel: a JSON value a line.
//!
//! Invariant: QEMU may be hostile: lines are bounded, every answer has a time limit, and nothing of an
//! answer is used but what is asked for.

use std::collections::VecDeque;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio_util::codec::{Framed, LinesCodec};

use super::limits::{MAX_COMMAND, MAX_QMP_EVENT_COUNT, MAX_QMP_LINE_BYTES};

/// Why QEMU did not do what it was asked; for people.
#[derive(Debug, thiserror::Error)]
#[error("QEMU {0}")]
pub(super) struct QmpError(String);

pub(super) struct Qmp {
    lines: Framed<UnixStream, LinesCodec>,
    events: VecDeque<String>,
}

impl Qmp {
    /// Over a fresh connection.
    pub(super) async fn greet(stream: UnixStream) -> Result<Self, QmpError> {
        let codec = LinesCodec::new_with_max_length(MAX_QMP_LINE_BYTES);
        let mut qmp = Self { lines: Framed::new(stream, codec), events: VecDeque::new() };
        let greeting = qmp.next().await?;
        if greeting.get("QMP").is_none() {
            return Err(QmpError("greets with something else".to_owned()));
        }
        qmp.run("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    /// Runs a command and gives its answer.
    pub(super) async fn run(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let asked = json!({ "execute": command, "arguments": arguments }).to_string();
        let sent = tokio::time::timeout(MAX_COMMAND, self.lines.send(asked)).await;
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(QmpError(format!("cannot be asked {command}: {error}"))),
            Err(_) => return Err(QmpError(format!("does not take {command}"))),
        }
        loop {
            let mut answer = self.next().await?;
            if let Some(event) = answer["event"].as_str() {
                let event = event.to_owned();
                self.keep(event);
                continue;
            }
            if let Some(error) = answer["error"]["desc"].as_str() {
                return Err(QmpError(format!("refuses {command}: {error}")));
            }
            return Ok(answer["return"].take());
        }
    }

    /// Waits for an event.
    pub(super) async fn event(&mut self, name: &str) -> Result<(), QmpError> {
        loop {
            while let Some(event) = self.events.pop_front() {
                if event == name {
                    return Ok(());
                }
            }
            let said = self.next().await?;
            if let Some(event) = said["event"].as_str() {
                let event = event.to_owned();
                self.keep(event);
            }
        }
    }

    /// What the guest's kernel said on its serial line.
    pub(super) async fn serial(&mut self, size_bytes: usize) -> String {
        let asked = json!({ "device": "serial", "size": size_bytes, "format": "utf8" });
        let said = self.run("ringbuf-read", asked).await.unwrap_or_default();
        said.as_str().unwrap_or_default().to_owned()
    }

    /// The process on the other side.
    pub(super) fn peer(&self) -> Option<i32> {
        self.lines.get_ref().peer_cred().ok()?.pid()
    }

    fn keep(&mut self, event: String) {
        if self.events.len() == MAX_QMP_EVENT_COUNT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    async fn next(&mut self) -> Result<Value, QmpError> {
        let line = match tokio::time::timeout(MAX_COMMAND, self.lines.next()).await {
            Ok(Some(Ok(line))) => line,
            Ok(Some(Err(error))) => return Err(QmpError(format!("cannot be heard: {error}"))),
            Ok(None) => return Err(QmpError("ended".to_owned())),
            Err(_) => {
                let seconds = MAX_COMMAND.as_secs();
                return Err(QmpError(format!("says nothing for {seconds} s")));
            }
        };
        serde_json::from_str(&line).map_err(|_| QmpError("says what is no JSON".to_owned()))
    }
}

#[cfg(test)]
#[path = "qmp_tests.rs"]
mod tests;
