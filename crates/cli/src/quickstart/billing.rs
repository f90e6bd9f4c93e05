//! The billing service that the agent's reminders go to.
//!
//! Invariant: it does not forgive: every request to send sends, whatever its key, and what was sent
//! stays in the outbox. The first request is held open once its reminder is out, until its caller has
//! been killed.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::task::Reminder;

/// The header that names an effect.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The service.
#[derive(Clone)]
pub(super) struct Billing {
    inner: Arc<Inner>,
}

struct Inner {
    outbox: PathBuf,
    sent: Mutex<Vec<Sent>>,
    stage: watch::Sender<Stage>,
}

/// A reminder that went out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    /// The key of the request that sent it.
    pub(super) key: String,
    /// What it says.
    pub(super) reminder: Reminder,
}

/// How far the first request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// None came yet.
    Waiting,
    /// Its reminder is out, and its answer is held back.
    Held,
    /// Its caller is dead; everything is answered from now on.
    Released,
}

impl Billing {
    /// A service with an empty outbox, which it also writes into a file.
    pub(super) fn new(outbox: PathBuf) -> Self {
        let (stage, _) = watch::channel(Stage::Waiting);
        Self { inner: Arc::new(Inner { outbox, sent: Mutex::default(), stage }) }
    }

    /// A socket for it.
    pub(super) async fn bind() -> anyhow::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("listen for the billing service")?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    /// Answers until dropped.
    pub(super) async fn serve(&self, listener: TcpListener) -> anyhow::Result<()> {
        let routes =
            Router::new().route("/reminders", get(find).post(send)).with_state(self.clone());
        axum::serve(listener, routes).await.context("run the billing service")
    }

    /// Returns once the first reminder is out and its answer is held back.
    pub(super) async fn held(&self) {
        let mut stage = self.inner.stage.subscribe();
        // The sender lives as long as this service.
        let _ = stage.wait_for(|stage| *stage == Stage::Held).await;
    }

    /// Answers everything from now on.
    pub(super) fn release(&self) {
        self.inner.stage.send_replace(Stage::Released);
    }

    /// What went out.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.inner.sent.lock().expect("no code panics while it holds the outbox")
    }

    fn record(&self, sent: Sent) -> anyhow::Result<()> {
        let line = json!({"idempotency_key": sent.key, "reminder": sent.reminder});
        let mut file = OpenOptions::new().create(true).append(true).open(&self.inner.outbox)?;
        writeln!(file, "{line}")?;
        self.lock().push(sent);
        Ok(())
    }

    async fn hold_first(&self) {
        let mut stage = self.inner.stage.subscribe();
        self.inner.stage.send_if_modified(|stage| {
            let is_first = *stage == Stage::Waiting;
            if is_first {
                *stage = Stage::Held;
            }
            is_first
        });
        let _ = stage.wait_for(|stage| *stage == Stage::Released).await;
    }
}

async fn send(
    State(billing): State<Billing>,
    headers: HeaderMap,
    Json(reminder): Json<Reminder>,
) -> (StatusCode, Json<Value>) {
    let sent = Sent { key: key(&headers), reminder };
    let answer = shown(&sent.reminder);
    if let Err(error) = billing.record(sent) {
        let message = format!("{error:#}");
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": message })));
    }
    billing.hold_first().await;
    (StatusCode::CREATED, Json(answer))
}

async fn find(State(billing): State<Billing>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let key = key(&headers);
    let found = billing.lock().iter().find(|sent| sent.key == key).cloned();
    match found {
        Some(sent) => (StatusCode::OK, Json(shown(&sent.reminder))),
        None => (StatusCode::NOT_FOUND, Json(json!({"error": "no such reminder was sent"}))),
    }
}

fn key(headers: &HeaderMap) -> String {
    let value = headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn shown(reminder: &Reminder) -> Value {
    json!({
        "status": "sent",
        "invoice": reminder.invoice,
        "email": reminder.email,
        "amount_eur": reminder.amount_eur,
    })
}
