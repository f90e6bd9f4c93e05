//! A session's journal as anybody can read it, and what it says about calls.

use std::collections::HashMap;

use hyper::Method;
use mainstay_it::harness::Connection;
use mainstay_protocol::{Entry, Hash};
use serde_json::Value;

/// What a journal says about one tool call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallRecord {
    pub(crate) tool: String,
    /// The `note` among its arguments.
    pub(crate) note: String,
    pub(crate) attempts: usize,
    pub(crate) is_completed: bool,
}

/// A journal that was verified entry by entry.
pub(crate) struct Journal {
    entries: Vec<Entry>,
}

impl Journal {
    /// Reads a session's journal over HTTP and verifies its chain.
    pub(crate) async fn read(connection: &mut Connection, session: &str) -> Self {
        let path = format!("/v1/agents/sessions/{session}/journal");
        let accept = [("accept", "application/x-ndjson")];
        let answer = connection.call(Method::GET, &path, &accept, "").await.expect("a journal");
        answer.success().expect("a journal");
        let lines = answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let entries = lines.map(|line| serde_json::from_slice(line).expect("a line is an entry"));
        let entries: Vec<Entry> = entries.collect();
        let (mut seq, mut hash) = (0, Hash::ZERO);
        for entry in &entries {
            entry.verify_after(seq, hash).expect("the chain holds");
            assert!(entry.is_canonical(), "entry {} is not canonical", entry.seq);
            (seq, hash) = (entry.seq, entry.hash);
        }
        Self { entries }
    }

    /// The entries of a kind, as JSON.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = Value> {
        let of_kind = self.entries.iter().filter(move |entry| &*entry.kind == kind);
        of_kind.map(|entry| serde_json::from_str(entry.payload.get()).expect("payloads are JSON"))
    }

    /// How the turns ended, in order.
    pub(crate) fn ends(&self) -> Vec<String> {
        let end = |payload: Value| payload["end"]["type"].as_str().map(str::to_owned);
        self.of_kind("turn.ended").map(|payload| end(payload).expect("an end has a type")).collect()
    }

    /// What it says about each tool call, by the call's effect.
    pub(crate) fn calls(&self) -> HashMap<String, CallRecord> {
        let mut notes = HashMap::new();
        for payload in self.of_kind("effect.completed") {
            let items = payload["outcome"]["items"].as_array().cloned().unwrap_or_default();
            for body in
                items.iter().map(|item| &item["body"]).filter(|body| body["type"] == "tool_call")
            {
                let arguments: Value =
                    serde_json::from_str(text(&body["arguments"])).unwrap_or_default();
                let note = arguments["note"].as_str().unwrap_or_default().to_owned();
                notes.insert(text(&body["call_id"]).to_owned(), note);
            }
        }
        let mut calls = HashMap::new();
        for payload in self.of_kind("effect.requested") {
            let request = &payload["request"];
            if request["type"] == "tool" {
                let note = notes.get(text(&request["call_id"])).cloned().unwrap_or_default();
                let tool = text(&request["tool"]).to_owned();
                let call = CallRecord { tool, note, ..CallRecord::default() };
                calls.insert(text(&payload["effect"]).to_owned(), call);
            }
        }
        for payload in self.of_kind("effect.attempted") {
            if let Some(call) = calls.get_mut(text(&payload["effect"])) {
                call.attempts += 1;
            }
        }
        for payload in self.of_kind("effect.completed") {
            if let Some(call) = calls.get_mut(text(&payload["effect"])) {
                call.is_completed = true;
            }
        }
        calls
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
