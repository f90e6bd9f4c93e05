//! Counters, as Prometheus reads them.
//!
//! Invariant: a metric's labels come from bounded sets (the router's own paths, methods, statuses),
//! so that no client can make the answer grow.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use mainstay_protocol::Scope;
use mainstay_runtime::EngineStats;
use mainstay_store::Health;

use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::chat::ChatMeters;
use crate::openapi::Doc;
use crate::state::AppState;

/// The content type of Prometheus' text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The same without its parameters.
const MEDIA_TYPE: &str = "text/plain";

/// Requests counted by method, route and status.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    /// Of answers without a session.
    pub(crate) chat: ChatMeters,
    requests: Mutex<BTreeMap<RequestKind, u64>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RequestKind {
    route: Box<str>,
    method: &'static str,
    status: u16,
}

impl Meters {
    /// Counts an answered request. `route` is the router's path, never the client's.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16) {
        let kind = RequestKind { route: route.into(), method, status };
        *self.lock().entry(kind).or_default() += 1;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RequestKind, u64>> {
        self.requests.lock().expect("no code panics while it holds the counters")
    }
}

/// Its entry in the document of the API.
pub(crate) const METRICS: Doc = Doc::new("getMetrics", "Counters for Prometheus")
    .answers_bytes(MEDIA_TYPE)
    .scope(Scope::Admin)
    .extension();

/// `GET /metrics`: the server's counters in Prometheus' text format; the scope `admin` is needed.
pub(crate) async fn metrics(State(state): State<AppState>, caller: Caller) -> Answer<Response> {
    caller.require(Scope::Admin)?;
    let store = state.store().health().await?;
    let mut text = Text::default();
    text.engine(state.engine().stats());
    text.store(&store);
    text.chat(&state.meters().chat);
    text.requests(state.meters());
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text.0).into_response())
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn engine(&mut self, stats: EngineStats) {
        self.value("sessions_active", "gauge", "Sessions with a task.", stats.active_sessions);
        self.value(
            "sessions_parked",
            "gauge",
            "Resting sessions kept in memory.",
            stats.parked_sessions,
        );
        self.value("effects_running", "gauge", "Effects under way.", stats.running_effects);
        self.value("feed_followers", "gauge", "Open streams of events.", stats.followers);
        self.value("session_commits_total", "counter", "Commits of sessions.", stats.commits);
        self.value(
            "session_entries_total",
            "counter",
            "Journal entries of sessions.",
            stats.entries,
        );
        self.value(
            "sessions_recovered_total",
            "counter",
            "Sessions taken over.",
            stats.recovered_sessions,
        );
        self.value(
            "collected_checkpoints_total",
            "counter",
            "Old checkpoints that are kept no longer.",
            stats.collected_checkpoints,
        );
        self.value(
            "freed_blobs_total",
            "counter",
            "Blobs that went with old checkpoints.",
            stats.freed_blobs,
        );
        self.value("task_panics_total", "counter", "Tasks that panicked.", stats.panics);
    }

    fn store(&mut self, store: &Health) {
        let queued = u64::try_from(store.queue_count).unwrap_or(u64::MAX);
        self.value("store_commits_total", "counter", "Commits made durable.", store.commit_count);
        self.value(
            "store_flushes_total",
            "counter",
            "Times the disk was flushed.",
            store.flush_count,
        );
        self.value("store_queue", "gauge", "Commits waiting to be written.", queued);
    }

    fn chat(&mut self, chat: &ChatMeters) {
        self.head("chat_completions_total", "counter", "Answers without a session.");
        for (model, outcome, count) in chat.answers() {
            let outcome = outcome.as_str();
            let labels = format!("model={},outcome=\"{outcome}\"", label(&model));
            let _ = writeln!(self.0, "mainstay_chat_completions_total{{{labels}}} {count}");
        }
        self.head("chat_tokens_total", "counter", "Tokens of answers without a session.");
        for (model, usage) in chat.tokens() {
            let kinds = [
                ("input", usage.input_tokens),
                ("cached_input", usage.cached_input_tokens),
                ("output", usage.output_tokens),
                ("reasoning", usage.reasoning_tokens),
            ];
            for (kind, count) in kinds {
                let labels = format!("model={},kind=\"{kind}\"", label(&model));
                let _ = writeln!(self.0, "mainstay_chat_tokens_total{{{labels}}} {count}");
            }
        }
    }

    fn requests(&mut self, meters: &Meters) {
        self.head("http_requests_total", "counter", "Requests answered.");
        for (kind, count) in meters.lock().iter() {
            let RequestKind { route, method, status } = kind;
            let _ = writeln!(
                self.0,
                "mainstay_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
            );
        }
    }

    fn value(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "mainstay_{name} {value}");
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP mainstay_{name} {help}\n# TYPE mainstay_{name} {kind}");
    }
}

/// A label's value, quoted. Models are named by whoever writes the configuration.
fn label(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
